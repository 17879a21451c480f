from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from sidecar.terminal import doctor
from tests.conftest import clean_environment, missing, needs_llama_cpp
from tests.terminal.conftest import Model, Run


def lines_of(text: str) -> dict[str, str]:
    """The findings by part: `level text`."""
    found = (line.split(maxsplit=2) for line in text.splitlines() if line[:1] not in ("", " "))
    # of the lines about keys the last is about the keys themselves
    return {words[1]: f"{words[0]} {words[2]}" for words in found if len(words) == 3}


def test_a_fresh_installation_is_in_order(run: Run) -> None:
    needs_llama_cpp()
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    found = lines_of(done.stdout)
    assert found["sidecar"].startswith("ok 0.")
    assert found["home"].startswith("ok ")
    assert found["settings"].endswith("is not there: the defaults hold")
    assert found["keys"] == "warning no provider has a key"
    assert "set one of: OPENAI_API_KEY, " in done.stdout
    assert found["network"].startswith("ok not asked, since no provider has a key")
    assert "checksum right" in found["models"]
    assert found["worker"].startswith("ok “")
    assert done.stdout.endswith("\nno problems, 3 warnings\n")
    assert "\x1b" not in done.stdout


def test_a_provider_with_a_key_is_reached_and_the_key_is_not_shown(
    run: Run, model: Model, tmp_path: Path
) -> None:
    model.configure(tmp_path / "home")
    done = run("doctor", MINE_API_KEY="sk-very-secret-0123456789")
    found = lines_of(done.stdout)
    assert found["keys"] == "ok mine"
    assert found["mine"].startswith("ok reached in ")
    assert found["mine"].endswith(" ms, 1 model")
    assert found["network"].startswith("ok providers can be reached")
    assert "very-secret" not in done.stdout + done.stderr


def test_a_provider_that_cannot_be_reached_is_a_warning_with_what_to_do(
    run: Run, model: Model, tmp_path: Path
) -> None:
    model.url = "http://127.0.0.1:1/v1"
    model.configure(tmp_path / "home")
    found = lines_of(run("doctor", MINE_API_KEY="sk-x").stdout)
    assert found["mine"].startswith("warning ")
    assert found["network"].startswith("warning no provider could be reached")


def test_a_provider_without_a_key_is_not_contacted(run: Run, model: Model, tmp_path: Path) -> None:
    model.configure(tmp_path / "home")
    assert "mine" not in lines_of(run("doctor").stdout)


def test_each_problem_of_config_toml_is_told(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("colour = 1\n", encoding="utf-8")
    found = lines_of(run("doctor").stdout)
    assert "`colour` is unknown" in found["settings"]
    assert found["settings"].startswith("warning ")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_home_that_others_may_enter_is_closed_to_them_and_told(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    found = lines_of(run("doctor").stdout)
    assert "was open to other users (mode 755); it is private now." in found["settings"]
    assert found["home"] == f"ok {home}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_folder_that_is_not_the_sidecars_alone_is_left_and_told(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    (home / "somebody's").write_text("own", encoding="utf-8")
    done = run("doctor")
    assert lines_of(done.stdout)["home"].startswith("warning ")
    assert f"→ Run: chmod 700 '{home}'" in done.stdout
    assert home.stat().st_mode & 0o777 == 0o755


def test_a_home_that_cannot_be_a_folder_is_a_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder", encoding="utf-8")
    done = run("doctor")
    assert done.returncode == 1
    assert lines_of(done.stdout)["home"].startswith("problem ")


def test_a_file_in_the_place_of_a_folder_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    done = run("--home", str(tmp_path / "file" / "home"), "doctor")
    assert f"{tmp_path / 'file'} is not a folder" in done.stdout


def test_a_home_of_an_impossible_name_is_a_problem(run: Run) -> None:
    done = run("--home", "x" * 300, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert lines_of(done.stdout)["home"].startswith("problem ")
    assert "--home DIR" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_home_below_a_folder_that_lets_nobody_in_is_a_problem(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    environment = clean_environment(tmp_path, HOME=str(closed), XDG_DATA_HOME="")
    del environment["AI_SIDECAR_HOME"]
    done = subprocess.run(
        [*as_one_who_keeps_to_modes(), sys.executable, "-m", "sidecar", "doctor"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert lines_of(done.stdout)["home"].startswith(f"problem {closed}")
    assert f"→ Make {closed} writable" in done.stdout


def as_one_who_keeps_to_modes() -> list[str]:
    """Words before a command that take root's right to pass over modes from it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        missing("setpriv", "apt-get install -y util-linux")
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]


def test_a_changed_demo_model_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "demo.gguf").write_bytes(b"changed")
    facts = {"file": "demo.gguf", "sha256": "0" * 64}
    (tmp_path / "demo.json").write_text(json.dumps(facts), encoding="utf-8")
    assert doctor.check_demo_model(tmp_path).level == "problem"


def test_a_missing_demo_model_is_a_warning(tmp_path: Path) -> None:
    assert doctor.check_demo_model(tmp_path).level == "warning"


def test_where_no_model_can_be_asked_it_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AI_SIDECAR_HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    nothing = tmp_path / "no worker"
    assert doctor.run(["--worker", str(nothing)], nothing) == 1
    told = capsys.readouterr().out
    assert f"worker             the local engine is not installed: {nothing} is not there." in told
    assert "→ Put the folder ai-sidecar-llama beside the sidecar's program, name it by" in told
    assert "no model can be asked" in told


def test_a_sidecar_that_ends_at_once_is_a_problem_with_its_last_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert doctor.run(["--no-such-option"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("problem  sidecar")
    assert "unrecognized arguments: --no-such-option" in out


def test_of_what_it_said_the_line_that_says_most_is_shown() -> None:
    group = ExceptionGroup("in a task group", [ValueError("of the group"), OSError("the last")])
    log = "".join(traceback.format_exception(group))
    assert log.splitlines()[-1].endswith("-----")
    assert doctor.telling_line(log) == "OSError: the last"
    assert doctor.telling_line("Traceback …\nValueError: - 1 -\n\n") == "ValueError: - 1 -"
    assert doctor.telling_line("") is None

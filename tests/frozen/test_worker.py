"""Where the frozen sidecar looks for its worker, and the commands that start a sidecar."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from freeze import ONE_FILE
from tests.conftest import ROOT
from tests.frozen.conftest import LIMIT_S, Installed, Launch, ask_demo, surroundings

FORMS = pytest.mark.parametrize("form", ["one file", "folder"])


def run(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env=surroundings(folder),
        cwd=folder,
        timeout=LIMIT_S * 2,
        check=False,
    )


@pytest.fixture
def alone(installed: Installed, tmp_path: Path) -> Path:
    """The one file without a worker beside it."""
    (tmp_path / "alone").mkdir()
    return Path(shutil.copy2(installed.one_file, tmp_path / "alone" / ONE_FILE))


@pytest.mark.usefixtures("needs_worker")
@FORMS
def test_the_demo_model_answers_in_the_terminal(
    form: str, installed: Installed, tmp_path: Path
) -> None:
    done = run(tmp_path, installed.form(form), "chat", "Who are you?")
    assert done.returncode == 0, done.stderr
    assert "demo model" in done.stdout


@pytest.mark.usefixtures("needs_worker")
@FORMS
def test_the_demo_model_makes_vectors_and_counts_tokens(
    form: str, installed: Installed, launch: Launch
) -> None:
    peer = launch(installed.form(form))
    given = {"provider": "local", "model": "demo", "input": ["Hello", "keys"]}
    vectors = peer.call("embed", given, LIMIT_S)["result"]["embeddings"]
    assert [len(vector) for vector in vectors] == [128, 128]
    request = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    asked = {"provider": "local", "request": request}
    usage = peer.call("call_ai_provider", asked, LIMIT_S)["result"]["usage"]
    count = peer.call("count_tokens", asked, LIMIT_S)["result"]
    assert (count["tokens"], count["estimated"]) == (usage["prompt_tokens"], False)


@pytest.mark.usefixtures("needs_worker")
@FORMS
def test_the_doctor_finds_everything_in_order(
    form: str, installed: Installed, tmp_path: Path
) -> None:
    done = run(tmp_path, installed.form(form), "doctor")
    assert done.returncode == 0, done.stdout
    assert "ok       worker             “" in done.stdout
    assert "checksum right" in done.stdout


@pytest.mark.usefixtures("needs_worker")
@FORMS
def test_a_frozen_sidecar_replays_sessions_against_itself(
    form: str, installed: Installed, tmp_path: Path
) -> None:
    files = [ROOT / "protocol" / "sessions" / f"{name}.session" for name in ("hello", "demo_model")]
    done = run(tmp_path, installed.form(form), "replay", *files)
    assert done.stdout.endswith("\n2 ok\n"), done.stdout


def test_without_its_worker_the_rest_works_and_the_doctor_says_what_is_missing(
    alone: Path, launch: Launch, tmp_path: Path
) -> None:
    missing = alone.parent / "ai-sidecar-llama" / "ai-sidecar-llama"
    told = f"the local engine is not installed: {missing} is not there."
    peer = launch(alone)
    [problem] = peer.call("initialize", timeout=LIMIT_S)["result"]["problems"]
    assert problem.startswith(told)
    request = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}
    error = peer.call("call_ai_provider", {"provider": "local", "request": request}, LIMIT_S)[
        "error"
    ]
    assert (error["data"]["kind"], error["message"]) == ("component_missing", told)
    assert "--worker PATH" in error["data"]["hint"]
    done = run(tmp_path, alone, "doctor")
    assert done.returncode == 1
    assert f"warning  worker             {told}" in done.stdout


@pytest.mark.usefixtures("needs_worker")
@pytest.mark.parametrize("given", [".", "ai-sidecar-llama"], ids=["its folder", "its program"])
def test_a_worker_elsewhere_is_named_on_the_command_line(
    given: str, alone: Path, installed: Installed, launch: Launch
) -> None:
    peer = launch(alone, "--worker", str(installed.worker / given))
    assert peer.call("initialize", timeout=LIMIT_S)["result"]["problems"] == []
    assert ask_demo(peer)


@pytest.mark.usefixtures("needs_worker")
def test_a_worker_elsewhere_serves_the_commands_too(
    alone: Path, installed: Installed, tmp_path: Path
) -> None:
    done = run(tmp_path, alone, "--worker", installed.worker, "chat", "Who are you?")
    assert done.returncode == 0, done.stderr
    assert run(tmp_path, alone, "--worker", installed.worker, "doctor").returncode == 0
    command = f"{shlex.quote(str(alone))} --worker {shlex.quote(str(installed.worker))}"
    session = ROOT / "protocol" / "sessions" / "demo_model.session"
    done = run(tmp_path, alone, "replay", "--command", command, session)
    assert done.returncode == 0, done.stdout


@FORMS
def test_a_link_to_the_program_finds_the_worker_beside_the_program(
    form: str, installed: Installed, launch: Launch, tmp_path: Path
) -> None:
    link = tmp_path / "ai-sidecar"
    link.symlink_to(installed.form(form))
    problems = launch(link).call("initialize", timeout=LIMIT_S)["result"]["problems"]
    assert not any(str(tmp_path) in each for each in problems)

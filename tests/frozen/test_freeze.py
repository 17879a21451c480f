"""scripts/freeze: what it makes, where, and when it makes nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import freeze
from tests.conditions import LIMIT_S, comes_true
from tests.conftest import ROOT

ALL = [freeze.ONE_FILE, "ai-sidecar", "ai-sidecar-llama"]


def stamps(made: Path) -> dict[str, int]:
    """When each part was made."""
    return {each.name: each.stat().st_mtime_ns for each in made.parent.glob("*.made-of")}


@pytest.mark.usefixtures("needs_worker")
def test_it_lays_every_form_where_it_is_wanted_and_tells_their_sizes(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = stamps(made)
    assert freeze.main(["--from", str(tmp_path), "--into", "here"]) == 0
    said = capfd.readouterr()
    lines = [line.split(maxsplit=2) for line in said.out.splitlines()]
    assert [(unit, path) for _, unit, path in lines] == [
        ("MB", str(tmp_path / "here" / name)) for name in ALL
    ]
    assert all(float(size) > 10 for size, *_ in lines)
    assert os.access(tmp_path / "here" / "ai-sidecar" / "ai-sidecar-llama", os.X_OK)
    # nothing changed, so nothing was made
    assert (said.err, stamps(made)) == ("", before)


def test_another_set_of_packages_means_to_make_it_anew(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = freeze.SIDECAR
    stamp = made.parent / f"{part.spec}.made-of"
    assert freeze._made_of(part) == stamp.read_text(encoding="ascii")
    monkeypatch.setattr(freeze, "distributions", list)
    assert freeze._made_of(part) != stamp.read_text(encoding="ascii")


@pytest.mark.parametrize(
    ("part", "file"),
    [
        (freeze.SIDECAR, "sidecar/app.py"),
        (freeze.SIDECAR, "sidecar/providers/known_models.json"),
        (freeze.LOCAL_ENGINE, "sidecar/local/worker.py"),
        (freeze.LOCAL_ENGINE, "sidecar/local/demo.gguf"),
        (freeze.LOCAL_ENGINE, "sidecar/local/demo.json"),
    ],
)
def test_another_file_of_what_goes_in_means_to_make_it_anew(
    part: freeze.Part, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sidecar", "build", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    before = freeze._made_of(part)
    (tmp_path / "sidecar").unlink()
    shutil.copytree(ROOT / "sidecar", tmp_path / "sidecar")
    assert freeze._made_of(part) == before
    with (tmp_path / file).open("ab") as changed:
        changed.write(b"\n")
    assert freeze._made_of(part) != before


@pytest.mark.usefixtures("made")
def test_whoever_ends_it_ends_pyinstaller_too(tmp_path: Path) -> None:
    command = [sys.executable, freeze.__file__, "--only-make", "sidecar"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        making = psutil.Process(process.pid)
        assert comes_true(lambda: bool(making.children()))
        started = making.children(recursive=True)
        process.terminate()
        assert process.wait(LIMIT_S) == 128 + signal.SIGTERM
        assert psutil.wait_procs(started, LIMIT_S)[1] == []


def test_a_part_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        freeze.main(["sidecars"])
    assert "unknown: sidecars; there are: sidecar, worker" in capsys.readouterr().err


def test_what_was_made_for_clones_that_are_gone_is_forgotten(tmp_path: Path) -> None:
    for name, clone in [("here", tmp_path), ("gone", tmp_path / "no more")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "clone").write_bytes(os.fsencode(clone))
    (tmp_path / "somebody's").mkdir()
    freeze._forget_clones_that_are_gone(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["here", "somebody's"]

"""Where the local engine is looked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sidecar.errors import ComponentMissing
from sidecar.local import place

PROGRAM = "ai-sidecar-llama.exe" if sys.platform == "win32" else "ai-sidecar-llama"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A worker's program, as far as one can see from outside."""
    found = tmp_path / "ai-sidecar-llama" / PROGRAM
    found.parent.mkdir()
    found.touch(0o755)
    return found


def frozen_as(monkeypatch: pytest.MonkeyPatch, executable: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(executable))


def test_from_source_it_is_this_package_run_by_the_same_python() -> None:
    found = place.of_the_worker()
    assert found.command == (sys.executable, "-m", "sidecar.local.worker")
    assert (found.models / "demo.gguf").exists()
    found.check()


def test_frozen_it_lies_beside_the_program(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_as(monkeypatch, tmp_path / "ai-sidecar")
    found = place.of_the_worker()
    assert found.command == (str(program),)
    assert found.models == program.parent / "_internal" / "sidecar" / "local"
    assert found.has_engine()


@pytest.mark.parametrize("is_folder", [True, False])
def test_the_command_line_names_its_folder_or_its_program(
    program: Path, *, is_folder: bool
) -> None:
    found = place.of_the_worker(program.parent if is_folder else program)
    assert found.command == (str(program),)
    assert found.has_engine()


def test_where_it_is_missing_that_is_told_with_its_path(tmp_path: Path) -> None:
    found = place.of_the_worker(tmp_path / "nowhere")
    assert not found.has_engine()
    with pytest.raises(ComponentMissing, match=r"nowhere is not there\.$") as missing:
        found.check()
    assert "--worker PATH" in missing.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_that_may_not_be_run_is_told(program: Path) -> None:
    program.chmod(0o644)
    with pytest.raises(ComponentMissing, match="can't be run"):
        place.of_the_worker(program).check()

"""The processes of an app, as /proc shows them."""

from __future__ import annotations

from pathlib import Path


def is_alive(pid: int) -> bool:
    """True while it runs; one that nobody has waited for (a zombie) runs no more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def below(pid: int) -> dict[int, str]:
    """All processes that it has started, and theirs, with their command lines."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            found[int(child)] = _command(Path(f"/proc/{child}"))
            found |= below(int(child))
    return found


def belonging_to(home: Path) -> dict[int, str]:
    """All processes with this HOME, whoever their parents are, with their command lines.

    A child has it from the moment of its making, and keeps it when its parent is gone.
    """
    found: dict[int, str] = {}
    mark = f"HOME={home}"
    for folder in Path("/proc").glob("[0-9]*"):
        if mark in _read(folder / "environ").split("\0") and is_alive(int(folder.name)):
            found[int(folder.name)] = _command(folder)
    return found


def named(pid: int, word: str) -> list[int]:
    """Those below it that have the word in their command line."""
    return [child for child, command in below(pid).items() if word in command]


def _command(folder: Path) -> str:
    return _read(folder / "cmdline").replace("\0", " ").strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""  # it has ended, or is somebody else's

"""What keeps secrets on this machine from being read around the sidecar: file modes, core dumps.

Windows is left as it is: the folders of a user's profile are that user's alone there, and there
are no core dumps unless an administrator asks for them.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

LOCK_FILE = "audit.lock"
OWN_FILES = ("sidecar.db", "sidecar.db-journal", "sidecar.db-wal", "sidecar.db-shm", LOCK_FILE)
OWN_NAMES = (*OWN_FILES, "config.toml", "models.toml", "prompts", "logs", "history")
_OWN = (*OWN_NAMES, ".")
"""Beginnings: of backup copies, too, and of what desktops leave in every folder."""
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Keep a crash from writing this process's memory, with its keys, into a file.

    On Linux also from being read by other programs of the same user (ptrace), where the system
    lets any do that. A worker process is not covered: it has no keys.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - there is none on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here

        # The limit alone does not hold where dumps are piped to a program (core(5)).
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def tighten(home: Path) -> list[str]:
    """Make the folder 0700 and what lies in it 0600; return what was not so, for people."""
    if sys.platform == "win32" or not _exists(home):
        return []
    told = []
    for path, others in ((home, _OTHERS), *_files(home)):
        try:
            told += _tighten(path, others)
        except OSError as error:
            told.append(f"{path} can't be protected from other users: {error}.")
    return told


def _files(home: Path) -> list[tuple[Path, int]]:
    """The files, and which modes they must not have. config.toml says where keys go."""
    files = [(home / name, _OTHERS) for name in OWN_FILES]
    files += [(home / name, _OTHERS_WRITE) for name in ("config.toml", "models.toml")]
    return [(path, others) for path, others in files if _exists(path)]


def _tighten(path: Path, others: int) -> list[str]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & others:
        return []
    if path.is_dir() and not _is_own(path):
        what = f"{path} can be entered by other users (mode {mode:o})"
        return [f"{what}, and more than the sidecar's files is in it: choose another --home."]
    path.chmod(mode & ~others)
    return [f"{path} was open to other users (mode {mode:o}); it is private now."]


def _is_own(folder: Path) -> bool:
    """Nothing but the sidecar's files is in it: nobody else minds a stricter mode."""
    with os.scandir(folder) as entries:
        return all(entry.name.startswith(_OWN) for entry in entries)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # whoever needs it tells why

"""The folder that a sidecar of one file runs in: marked as in use, and swept where it was left.

The unpacking process removes it when the sidecar has ended. Where that process was killed, nobody
does; the next start then finds a folder with our mark whose lock nobody holds.

Never touched: what has no mark of ours, belongs to another user, or is reached through a link.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from sidecar.filelock import lock
from sidecar.frozen import unpacked_folder

logger = logging.getLogger(__name__)

MARK = ".ai-sidecar-in-use"
_FOLDERS = "_MEI*"
_held: list[int] = []
"""Descriptors of our own mark: its lock lasts as long as this process."""


def mark() -> None:
    """Mark this process's own folder as in use, where it has one."""
    folder = unpacked_folder()
    if folder is None:
        return
    # A folder that can't be marked can't be swept by others either: nothing worse follows.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _held.append(descriptor)
        lock(descriptor)


def sweep() -> None:
    """Remove the folders beside our own whose process was killed. Blocking; never raises."""
    folder = unpacked_folder()
    if folder is None:
        return
    for each in sorted(folder.parent.glob(_FOLDERS)):
        if each != folder and _is_left(each):
            logger.info("%s was left by a sidecar that was killed, and is removed", each)
            shutil.rmtree(each, ignore_errors=True)  # refuses a link, and follows none


def _is_left(folder: Path) -> bool:
    """True for a folder of ours whose process is gone."""
    try:
        if not _is_own(folder.lstat(), stat.S_ISDIR):
            return False  # a link is no folder
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(folder / MARK, flags)
    except OSError:
        return False
    try:
        if not _is_own(os.fstat(descriptor), stat.S_ISREG):
            return False
        lock(descriptor)
    except OSError:
        return False  # it is in use
    finally:
        os.close(descriptor)
    return True


def _is_own(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """True for what is of that kind, and this user's."""
    if sys.platform == "win32":
        return is_kind(found.st_mode)  # there the temporary folder is the user's own
    return is_kind(found.st_mode) and found.st_uid == os.geteuid()

"""Locks of files, which the system gives back when their holder dies, however that happens.

No process id has to be trusted for them, and nothing has to be tidied up after a kill.
"""

from __future__ import annotations

import sys


def lock(descriptor: int) -> None:
    """Take it. Raises `BlockingIOError` where somebody holds it, `OSError` where there is none.

    It is held until the descriptor is closed.
    """
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows alone

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
    else:
        import fcntl  # noqa: PLC0415 - does not exist on Windows

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

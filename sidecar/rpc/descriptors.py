"""Descriptors 0 and 1, claimed for the protocol alone.

The real ones move out of everybody's reach: a stray `print`, or a native library's, ends on stderr
and can't tear a line. The worker process claims its own in the same way, so this file imports
nothing that it would have to wait for.
"""

from __future__ import annotations

import os
import sys

_MANY_FILES = 10_240


def fill() -> None:
    """Give the null device to whichever of 0, 1 and 2 is closed.

    Called before anything else is opened: a file or the event loop's own descriptor would
    otherwise take the number, and be overwritten by `claim`.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, descriptor)
            if null != descriptor:
                os.close(null)
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - the function's only use


def allow_many() -> None:
    """Raise the limit of open files as far as it may be: each stream has a connection.

    The usual soft limits (256 on macOS, 1024 on Linux) are for programs that use `select`.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - does not exist on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(_MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return  # a system that says no keeps its limit; running out of it is `busy`


def claim() -> tuple[int, int]:
    """Take descriptors 0 and 1 for the protocol; return private copies of them.

    Afterwards 0 is the null device, and 1 is stderr (or null where stderr is closed).
    """
    fill()
    null = os.open(os.devnull, os.O_RDWR)
    private_in, private_out = os.dup(0), os.dup(1)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows alone

        msvcrt.setmode(private_in, os.O_BINARY)
        msvcrt.setmode(private_out, os.O_BINARY)
    return private_in, private_out

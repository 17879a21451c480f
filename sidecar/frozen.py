"""What is different where the sidecar is one of PyInstaller's programs (`build/README.md`).

Two forms: a folder, in which it runs as it lies there, and one file, which unpacks itself into a
new folder below the system's temporary one, and runs there as the child of an unpacking process
(`unpacked.py` sweeps such folders where they were left). In both `sys.executable` is the program
that was started. From source nothing here does anything.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_OF_THE_BOOTLOADER = ("_PYI_", "_MEIPASS2")
_FORMER = "_ORIG"
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "LIBPATH")
"""Where the system looks for libraries; the bootloader puts its own folder there."""


def is_frozen() -> bool:
    """True in a program made by PyInstaller."""
    return bool(getattr(sys, "frozen", False))


def program() -> Path:
    """The file of the program that runs: a frozen one's own, Python's otherwise."""
    return Path(sys.executable).resolve()


def unpacked_folder() -> Path | None:
    """The folder that a program of one file unpacked itself into; None for all others."""
    folder = Path(getattr(sys, "_MEIPASS", ""))
    return folder if is_frozen() and folder.name.startswith("_MEI") else None


def restore_environment() -> None:
    """Give children the environment that the user gave, without what the bootloader put in.

    They are programs of their own: a worker with its libraries, a sidecar that unpacks itself.
    Nothing in this process looks at these variables any more once it runs.
    """
    if not is_frozen():
        return
    for name in [name for name in os.environ if name.startswith(_OF_THE_BOOTLOADER)]:
        del os.environ[name]
    for name in _LIBRARY_PATHS:
        former = os.environ.pop(name + _FORMER, None)
        if former is not None:
            os.environ[name] = former
        else:
            os.environ.pop(name, None)

"""The name of the platform that a program is made for, as rustc has it.

Tauri's `externalBin` wants `ai-sidecar-<target-triple>`, and not everybody who freezes has a rustc
to ask (`rustc -vV`, the line `host`).
"""

from __future__ import annotations

import platform
import sys
import sysconfig

_PROCESSORS = {"amd64": "x86_64", "win32": "i686", "arm64": "aarch64", "armv7l": "armv7"}
_SYSTEMS = {"darwin": "apple-darwin", "win32": "pc-windows-msvc"}


def triple() -> str:
    """Return the triple of the Python that runs: what it freezes runs where it does itself."""
    of_python = sysconfig.get_platform().rpartition("-")[2].lower()
    named = platform.machine().lower() if of_python == "universal2" else of_python
    processor = _PROCESSORS.get(named, named)
    return f"{processor}-{_SYSTEMS.get(sys.platform) or _linux(processor)}"


def _linux(processor: str) -> str:
    libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
    return f"unknown-linux-{libc}{'eabihf' if processor == 'armv7' else ''}"

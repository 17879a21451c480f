"""Where the local engine lies: the worker's program, and the models that are bundled with it.

* From source both are in this package, and the worker is run by the same Python.
* Frozen, they are in the folder `ai-sidecar-llama` beside the sidecar's own program, which itself
  has neither (`build/README.md`).
* `--worker` names the folder, or the program in it, where an app keeps it elsewhere. It is an
  option of the command line alone: who could name a program over RPC could run any.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from sidecar import frozen
from sidecar.errors import ComponentMissing

NAME = "ai-sidecar-llama"
_PROGRAM = f"{NAME}.exe" if sys.platform == "win32" else NAME
_HERE = Path(__file__).parent
_UNPACKED = Path("_internal", "sidecar", "local")
"""Where PyInstaller puts this package's files, beside the program."""


@dataclass(frozen=True, slots=True)
class Place:
    """What runs the worker, and where the bundled models lie.

    `program` is the worker's file, where it is a program of its own.
    """

    command: tuple[str, ...]
    models: Path
    program: Path | None = None

    def has_engine(self) -> bool:
        """True where there is something to start."""
        if self.program is None:
            return importlib.util.find_spec("llama_cpp") is not None
        return self.program.is_file() and os.access(self.program, os.X_OK)

    def check(self) -> None:
        """Raise `ComponentMissing` where the worker should be a program, and is none."""
        if self.program is None or self.has_engine():
            return
        what = "can't be run" if self.program.exists() else "is not there"
        raise ComponentMissing(
            f"the local engine is not installed: {self.program} {what}.",
            hint=f"Put the folder {NAME} beside the sidecar's program, name it by "
            "`ai-sidecar --worker PATH`, or choose an online provider.",
        )


def of_the_worker(given: Path | None = None) -> Place:
    """Return the place that was given by `--worker`, or else the usual one."""
    if given is None and not frozen.is_frozen():
        return Place((sys.executable, "-m", "sidecar.local.worker"), _HERE)
    program = (given or frozen.program().with_name(NAME)).absolute()
    if given is None or program.is_dir():
        program /= _PROGRAM
    return Place((str(program),), program.parent / _UNPACKED, program)

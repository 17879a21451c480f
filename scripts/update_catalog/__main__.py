"""Entry point of ``python scripts/update_catalog``."""

from __future__ import annotations

import sys
from pathlib import Path


def run() -> int:
    """Make the repository importable and hand over to the command line."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from scripts.update_catalog.cli import main  # noqa: PLC0415 - after the path is set

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())

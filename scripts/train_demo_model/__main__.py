"""Entry point of ``python scripts/train_demo_model``.

BLAS is held to one thread before numpy loads: the run has its own threads, and so gives the same
result for any number of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def run() -> int:
    """Prepare the process and hand over to the command line."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from scripts.train_demo_model.cli import main  # noqa: PLC0415 - after the threads are set

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())

"""What one sidecar of a home does at a time: to make the seal of the audit, or to move it on.

A seal is read in a key store, held against the chain in sidecar.db, and written; no transaction
spans both. Nobody waits for a claim: whoever does not have it does the work another time.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.filelock import lock
from sidecar.keys.hardening import LOCK_FILE

logger = logging.getLogger(__name__)


class Claim:
    """On a home. A process that ends, in whatever way, has given it back."""

    def __init__(self, home: Path) -> None:
        self._path = home / LOCK_FILE

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """True in it where nobody else has it, here or in another process."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            # A home that can't be written, or is not there yet, has no record either.
            logger.debug("The audit's seal is handled without a lock: %s", error)
            yield True
            return
        try:
            yield _is_taken(descriptor)
        finally:
            os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    try:
        lock(descriptor)
    except BlockingIOError:
        return False
    except OSError as error:  # not every file system has locks
        logger.debug("The audit's seal is handled without a lock: %s", error)
    return True

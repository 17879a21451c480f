"""Work that is answered when it is done, and can be stopped by its id until then.

It shares its ids with executions, so that `cancel_execution` stops the one as it does the other.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio

from sidecar.errors import Cancelled

T = TypeVar("T")


class Job:
    """One piece of work. `ended` is called when it has."""

    def __init__(self, job_id: str, ended: Callable[[], None]) -> None:
        self.id = job_id
        self._scope = anyio.CancelScope()
        self._ended = ended

    def cancel(self) -> bool:
        """Stop it. True for the call that did so."""
        if self._scope.cancel_called:
            return False
        self._scope.cancel()
        return True

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it. Raises `Cancelled` where it was stopped, and what it raises itself."""
        try:
            with self._scope:
                return await work
        finally:
            work.close()  # where it was stopped before it had begun
            self._ended()
        raise Cancelled("The execution was cancelled.")

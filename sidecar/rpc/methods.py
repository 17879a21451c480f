"""What a method and a notification are, as rows of the contract's table."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from msgspec import Raw, UnsetType

from sidecar.rpc.messages import NULL, Request


@dataclass(slots=True)
class Call:
    """One request on its way through its method."""

    request: Request
    in_batch: bool = False
    pending: Coroutine[Any, Any, object] | None = None
    """What is still to be awaited, where the method has to wait."""
    _afterwards: list[Callable[[], None]] = field(default_factory=list)

    @property
    def answer_id(self) -> Raw:
        """The id to answer to."""
        return NULL if isinstance(self.request.id, UnsetType) else self.request.id

    def afterwards(self, act: Callable[[], None]) -> None:
        """Run `act` once the answer stands in the queue to stdout, so that it comes first."""
        self._afterwards.append(act)

    def answered(self) -> None:
        """The answer is queued (or there is none to give)."""
        for act in self._afterwards:
            act()


Handler = Callable[[Any, Any, Call], object]
"""Takes the app, the parameters and the call; returns the result, or a coroutine of it."""


@dataclass(frozen=True, slots=True)
class Method:
    """A row of METHODS: what comes in, what goes out (one of several, in a tuple), who does it."""

    params: type
    result: type | tuple[type, ...]
    handler: Handler
    secrets: tuple[str, ...] = ()
    """The parameters that keys and passwords belong into; into all others they do not."""

    @property
    def results(self) -> tuple[type, ...]:
        """What may go out."""
        return self.result if isinstance(self.result, tuple) else (self.result,)

    @property
    def summary(self) -> str:
        """The handler's docstring: the method's public description."""
        return " ".join((self.handler.__doc__ or "").split())


@dataclass(frozen=True, slots=True)
class NotificationType:
    """A row of NOTIFICATIONS."""

    params: type

    @property
    def summary(self) -> str:
        """The docstring of the parameters' type."""
        return " ".join((self.params.__doc__ or "").split())

"""What an answer is told into: its chunks, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sidecar.values import Cost, Reasoning, StreamChunk

_MAX_WARNINGS = 20
_MAX_WARNING = 500


@dataclass(slots=True)
class Facts:
    """What an answer tells about itself beside its chunks."""

    model: str | None = None
    response_id: str | None = None
    request_id: str | None = None
    provider_finish_reason: str | None = None
    connect_ms: int | None = None
    cost: Cost | None = None
    reasoning: list[Reasoning] = field(default_factory=list)
    """Blocks that are whole, as they have to go back; without any, what was said is one."""
    signatures: dict[int, str] = field(default_factory=dict)
    """Those of tool calls, by their index."""
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Tell the caller something once, in `response.warnings`."""
        if text not in self.warnings and len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(text[:_MAX_WARNING])


class Sink(Protocol):
    """Where an answer goes as it comes in.

    A producer calls `emit` for every chunk of what it has just read, and then awaits `room()`
    where `crowded` says so, before it reads more: that is how a slow reader of stdout slows the
    provider's socket.
    """

    @property
    def facts(self) -> Facts:
        """What the answer tells about itself; producers write into it."""

    @property
    def execution_id(self) -> str | None:
        """Whose answer it is; None where nobody keeps it."""

    @property
    def begun(self) -> bool:
        """True once a chunk was taken: from then on nothing may be tried again."""

    @property
    def crowded(self) -> bool:
        """True where `room()` should be awaited."""

    def sent(self) -> None:
        """The request left this process: from now on the provider is waited for."""

    def emit(self, chunk: StreamChunk) -> None:
        """Take one chunk."""

    async def room(self) -> None:
        """Wait until there is room for more."""


class Unheard:
    """A sink for an answer that nobody wants; only whether one came matters."""

    crowded = False

    def __init__(self, execution_id: str | None = None) -> None:
        self.execution_id = execution_id
        self.facts = Facts()
        self.begun = False

    def sent(self) -> None:
        """Nothing to note."""

    def emit(self, chunk: StreamChunk) -> None:
        """Let it go."""
        del chunk
        self.begun = True

    async def room(self) -> None:
        """There always is."""

"""What a wire format and a vendor are, and what they talk into.

A format is pure: it builds requests and decodes bytes, and does neither IO nor timing. A vendor
is a row (`Vendor`) that names a format and what is peculiar to it. A `Target` is a vendor made
concrete for one request. A `Sink` takes what is said, chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from sidecar.errors import AIError
from sidecar.keys.secret import Secret
from sidecar.providers.framing import Event
from sidecar.values import AIRequest, Cost, ModelInfo, StreamChunk

AuthStyle = Literal["bearer", "none"]
_MAX_WARNINGS = 20
_MAX_WARNING = 500


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vendor differs from its format's plain form."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stream_usage: bool = True
    """Takes `stream_options: {"include_usage": true}`."""
    required_word: Literal["required", "any"] = "required"
    """Its word for `tool_choice: "required"`."""
    seed_field: Literal["seed", "random_seed"] = "seed"
    reasoning_back: str | None = None
    """The field in which an assistant message's reasoning goes back; None: it is not sent."""
    reasoning_effort: bool = True
    """Takes `reasoning_effort`."""
    file_part: Literal["file", "document_url"] = "file"
    """Its content part for a document."""
    file_by_url: bool = True
    """Fetches a document from the URL it is given."""
    names: Literal["any message", "tool results"] = "any message"
    """The messages that may have a `name`."""
    organization_header: str | None = None


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue. `base_url` is the root below which the format's paths lie."""

    name: str
    display_name: str
    format: str
    base_url: str | None = None
    auth: AuthStyle = "bearer"
    key_required: bool = True
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold the key, the first set one wins."""
    capabilities: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """Models of a vendor that has no list of its own to ask for."""
    quirks: Quirks = Quirks()


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """The four timeouts of one request, in milliseconds."""

    connect_ms: int
    first_token_ms: int
    idle_ms: int
    total_ms: int


@dataclass(frozen=True, slots=True)
class Target:
    """Everything that one request to a vendor needs besides the request."""

    vendor: Vendor
    base_url: str
    model: str
    deadlines: Deadlines
    key: Secret | None = None
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, ready to be sent. `headers` has no credentials but what the format put there."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(slots=True)
class Facts:
    """What an answer tells about itself beside its chunks."""

    model: str | None = None
    response_id: str | None = None
    request_id: str | None = None
    provider_finish_reason: str | None = None
    connect_ms: int | None = None
    cost: Cost | None = None
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

    execution_id = None
    crowded = False

    def __init__(self) -> None:
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


class Decoder(Protocol):
    """Turns one stream's events into chunks. Synchronous and pure.

    `finished` turns true when the answer is whole and only its usage may follow; `done` at the
    terminal event, after which nothing more needs to be read. `flush`
    is called at the end of input; it returns what was held back, or raises `TruncatedStream`.
    """

    done: bool

    @property
    def finished(self) -> bool:
        """True once the answer itself is whole."""

    def feed(self, event: Event) -> list[StreamChunk]:
        """Decode one event. Raises `AIError` where the provider reports one inside the stream."""

    def flush(self) -> list[StreamChunk]:
        """End of input."""


class Format(Protocol):
    """One wire format."""

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """Build the request; streaming where `request.stream` says so."""

    def decoder(self, target: Target, facts: Facts) -> Decoder:
        """Return a new decoder for one stream."""

    def parse_response(self, body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
        """Decode a whole answer into the chunks that a stream of it would have had."""

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, target: Target
    ) -> AIError:
        """Turn an error answer into its error."""

    def build_models_request(self, target: Target) -> HttpRequest:
        """Build the request that lists the models."""

    def parse_models(self, body: bytes, target: Target) -> list[ModelInfo]:
        """Decode the list of models."""

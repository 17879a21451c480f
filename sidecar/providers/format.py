"""What a wire format is: it builds requests and decodes bytes, and does neither IO nor timing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from sidecar.errors import AIError
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, EmbedRequest, ModelInfo, StreamChunk, TokenUsage

Framing = Literal["sse", "ndjson"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, ready to be sent. `headers` has no credentials but what the format put there."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


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


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """A part of the list of models; `next` is what asks for the following one."""

    models: list[ModelInfo]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of a batch, in the order of its texts."""

    vectors: list[list[float]]
    usage: TokenUsage | None = None


class Format(Protocol):
    """One wire format. `framing` is how its streams are cut into events."""

    framing: Framing

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

    def build_models_request(self, target: Target, page: str | None = None) -> HttpRequest:
        """Build the request that lists the models; the next ones where `page` says which."""

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode the list of models."""


@runtime_checkable
class Embeds(Protocol):
    """A format that turns texts into vectors. `most_texts`: what it takes at once."""

    most_texts: int

    def build_embed_request(
        self, texts: list[str], request: EmbedRequest, target: Target
    ) -> HttpRequest:
        """Build the request for one batch of texts."""

    def parse_embeddings(self, body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
        """Decode the vectors of so many texts. Raises `InvalidResponse` for another number."""


@runtime_checkable
class CountsTokens(Protocol):
    """A format whose vendors tell beforehand how many tokens a request has."""

    def build_count_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """Build the request that asks."""

    def parse_count(self, body: bytes, target: Target) -> int:
        """Decode the answer."""

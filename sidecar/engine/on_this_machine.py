"""Providers on this machine: no address, no key, and the same rules of time as all others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar, runtime_checkable

from sidecar.errors import AIError
from sidecar.providers.deadlines import Watch
from sidecar.providers.format import Embedded
from sidecar.providers.sink import Facts, Sink
from sidecar.providers.vendor import Deadlines, Vendor
from sidecar.values import AIRequest, EmbedRequest, ModelInfo, StreamChunk

T = TypeVar("T")


class LocalProvider(Protocol):
    """Answers by itself, or by a process of its own."""

    async def stream(self, request: AIRequest, model: str, sink: Sink) -> None:
        """Answer `request` with `model`."""

    def models(self) -> list[ModelInfo]:
        """The models there are."""

    def default_model(self) -> str | None:
        """The model for requests that name none."""

    def available(self) -> bool:
        """True where everything that an answer needs is installed."""


@runtime_checkable
class EmbedsHere(Protocol):
    """One of them that makes vectors of texts, too."""

    async def embed(self, request: EmbedRequest, model: str, facts: Facts) -> Embedded:
        """A vector for each text, in their order."""


@runtime_checkable
class CountsHere(Protocol):
    """One of them that tells beforehand how many tokens a request has."""

    async def count_tokens(self, request: AIRequest, model: str, facts: Facts) -> int:
        """The tokens of the prompt that `stream` would make of it."""


class _Watched:
    """Passes chunks on and tells the watch of them."""

    def __init__(self, sink: Sink, watch: Watch) -> None:
        self._sink = sink
        self._watch = watch

    @property
    def facts(self) -> Facts:
        return self._sink.facts

    @property
    def execution_id(self) -> str | None:
        return self._sink.execution_id

    @property
    def begun(self) -> bool:
        return self._sink.begun

    @property
    def crowded(self) -> bool:
        return self._sink.crowded

    def sent(self) -> None:
        self._sink.sent()

    def emit(self, chunk: StreamChunk) -> None:
        self._watch.heard()
        self._watch.began()
        self._sink.emit(chunk)

    async def room(self) -> None:
        self._watch.held = True
        await self._sink.room()
        self._watch.held = False
        self._watch.heard()


async def stream(  # noqa: PLR0913 - one request, its place and its limits
    provider: LocalProvider,
    request: AIRequest,
    model: str,
    sink: Sink,
    *,
    vendor: Vendor,
    deadlines: Deadlines,
) -> None:
    """Answer `request` within the deadlines. Raises what the provider does, `ProviderTimeout`."""
    with Watch(deadlines, vendor.name, vendor.display_name) as watch:
        await provider.stream(request, model, _Watched(sink, watch))


async def answer(question: Awaitable[T], *, vendor: Vendor, deadlines: Deadlines) -> T:
    """Wait for what is no stream, within the deadlines.

    Raises what the provider does, named after the vendor, and `ProviderTimeout`.
    """
    try:
        with Watch(deadlines, vendor.name, vendor.display_name):
            found = await question
    except AIError as error:
        error.provider = error.provider or vendor.name
        raise
    return found

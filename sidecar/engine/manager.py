"""AIManager: for each request the provider, its key and its defaults; then the provider's run.

    request → row (catalogue, config.toml, RPC) → target (address, key, model, deadlines) → run

Where limits, retries, cache and fallbacks come, they come here, around `_run`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import msgspec

from sidecar.engine import on_this_machine, unheeded
from sidecar.engine.attempts import Send, outcome, with_keys
from sidecar.engine.directory import Directory, Row
from sidecar.engine.network import Network
from sidecar.engine.on_this_machine import LocalProvider
from sidecar.errors import ComponentMissing, ConfigError, InvalidParams
from sidecar.keys.custody import Custody
from sidecar.keys.secret import Secret
from sidecar.providers.format import CountsTokens, Embedded, Embeds, Format
from sidecar.providers.formats import load
from sidecar.providers.presence import answers
from sidecar.providers.sink import Facts, Sink, Unheard
from sidecar.providers.vendor import ClientApp, Target
from sidecar.values import AIMessage, AIRequest, EmbedRequest, ModelInfo, TokenUsage

if TYPE_CHECKING:
    from sidecar.providers.client import Client

logger = logging.getLogger(__name__)

Run = Callable[[Sink], Awaitable[None]]
"""Answers one request into a sink."""


class AIManager:
    """The one interface in front of all providers."""

    def __init__(
        self,
        directory: Directory,
        custody: Custody,
        on_this_machine: dict[str, LocalProvider],
        network: Network | None = None,
    ) -> None:
        self.directory = directory
        self.custody = custody
        self._local = on_this_machine
        self._network = network or Network()
        self._client: Client | None = None
        self._formats: dict[str, Format] = {}
        self.app: ClientApp | None = None
        """Whom the sidecar serves, once it has said so."""

    # --- requests ---

    def prepare(
        self, provider: str | None, request: AIRequest, execution_id: str | None = None
    ) -> tuple[Row, str, Run]:
        """Resolve everything that can be wrong before a provider is asked.

        Returns the row, the model and the run. Raises `ProviderNotFound`, `KeyNotFound`,
        `KeyOriginMismatch`, `ConfigError` or `InvalidParams`.
        """
        _check_extra(request.extra, "messages", "stream")
        row, model = self._resolve(provider, request)
        local = self._local.get(row.vendor.format)
        request = _with_defaults(request, row)
        if local is not None:
            return row, model, _local_run(local, request, model, row)
        target = self._target(row, model, request)
        # A missing key is told at once, and not by the stream.
        self.custody.choose(row.wanted(), execution_id)
        return row, model, self._remote_run(row, request, target)

    async def embed(
        self, provider: str | None, request: EmbedRequest
    ) -> tuple[Row, Facts, Embedded]:
        """Turn texts into vectors, in as many requests as the provider needs for them.

        Raises what `prepare` does, `InvalidParams` for a provider that has no such thing, and
        what the provider answers.
        """
        _check_extra(request.extra, "input", path="$")
        row = self.directory.row(provider or self.directory.active.provider)
        local = self._local.get(row.vendor.format)
        if isinstance(local, on_this_machine.EmbedsHere):
            return row, Facts(), await local.embed(request)
        wire = self._format(row.vendor.format) if local is None else None
        if not isinstance(wire, Embeds) or "embeddings" not in row.vendor.capabilities:
            raise InvalidParams(
                f"{row.vendor.display_name} makes no embeddings.",
                path="$.provider",
                hint="list_ai_providers tells which do: their capabilities have `embeddings`.",
            )
        target = self._target(row, request.model or "", request)
        facts, texts = Facts(), request.input
        vectors: list[list[float]] = []
        usages: list[TokenUsage] = []

        async def ask(key: Secret | None) -> None:
            keyed = dataclasses.replace(target, key=key)
            while len(vectors) < len(texts):  # another key goes on where the first one ended
                batch = texts[len(vectors) : len(vectors) + wire.most_texts]
                http_request = wire.build_embed_request(batch, request, keyed)
                body = await self._http().ask(wire, http_request, keyed, facts)
                part = wire.parse_embeddings(body, len(batch), keyed, facts)
                vectors.extend(part.vectors)
                usages.extend([part.usage] if part.usage else [])

        await with_keys(self.custody, row.wanted(), Unheard(), ask)
        return row, facts, Embedded(vectors, _total(usages))

    async def count_tokens(
        self, provider: str | None, request: AIRequest
    ) -> tuple[Row, str, Facts, int | None]:
        """Ask how many tokens a request has; None where the provider does not tell.

        Raises what `prepare` does, and what the provider answers.
        """
        _check_extra(request.extra, "messages", "stream")
        row, model = self._resolve(provider, request)
        wire = None if row.vendor.format in self._local else self._format(row.vendor.format)
        facts = Facts()
        if not isinstance(wire, CountsTokens):
            return row, model, facts, None
        target = self._target(row, model, request)
        counts: list[int] = []

        async def ask(key: Secret | None) -> None:
            keyed = dataclasses.replace(target, key=key)
            http_request = wire.build_count_request(request, keyed, facts)
            body = await self._http().ask(wire, http_request, keyed, facts)
            counts.append(wire.parse_count(body, keyed))

        await with_keys(self.custody, row.wanted(), Unheard(), ask)
        return row, model, facts, counts[0]

    async def models(self, provider: str | None) -> list[ModelInfo]:
        """Ask a provider for its models; what it does not tell of them is filled in."""
        row = self.directory.row(provider or self.directory.active.provider)
        local = self._local.get(row.vendor.format)
        if local is not None:
            return local.models()
        if row.vendor.models:
            named = [ModelInfo(id=model, provider=row.vendor.name) for model in row.vendor.models]
            return _completed(named, row)
        target = self._target(row, "", None)  # first: without an address no key is looked for
        found: list[ModelInfo] = []

        async def ask(key: Secret | None) -> None:
            found.extend(await self._ask_for_models(target, key))

        await with_keys(self.custody, row.wanted(), Unheard(), ask)
        return _completed(found, row)

    async def test(self, provider: str, key: Secret | None) -> list[ModelInfo]:
        """Ask a provider for its models, with a key that is used this once, if one is given.

        One that has no list of models is asked for an answer of one token instead.
        """
        row = self.directory.row(provider)
        local = self._local.get(row.vendor.format)
        if local is not None and not local.available():
            message = f"{row.vendor.display_name} lacks its engine or its models."
            hint = "`ai-sidecar doctor` tells what is missing and how to install it."
            raise ComponentMissing(message, hint=hint, provider=provider)
        if row.vendor.models:
            hello = AIRequest(messages=[AIMessage(role="user", content="Hello")], max_tokens=1)
            target = self._target(row, row.vendor.models[0], hello)
            sink = Unheard()
            if key is None:
                await self._remote_run(row, hello, target)(sink)
            else:
                await self._once(row, self._send(hello, target, sink), key)
        elif key is not None and local is None:
            target = self._target(row, "", None)
            found: list[ModelInfo] = []

            async def ask(given: Secret | None) -> None:
                found.extend(await self._ask_for_models(target, given))

            await self._once(row, ask, key)
            return found
        return await self.models(provider)

    def available(self, row: Row, running: Collection[str]) -> bool:
        """True where nothing is missing that can be known without asking the provider."""
        local = self._local.get(row.vendor.format)
        if local is not None:
            return local.available()
        there = not row.vendor.runs_here or row.vendor.name in running
        return there and row.has_address and self.custody.fits(row.wanted())

    async def running(self, rows: Iterable[Row]) -> set[str]:
        """Return which of the servers that users start on this machine are running now."""
        found: set[str] = set()

        async def look(name: str, base_url: str) -> None:
            if await answers(base_url):
                found.add(name)

        async with anyio.create_task_group() as looking:  # one that hangs holds up no other
            for row in rows:
                if row.vendor.runs_here and row.base_url is not None:
                    looking.start_soon(look, row.vendor.name, row.base_url)
        return found

    # --- life ---

    async def warm(self) -> None:
        """Import and build what the first request would otherwise wait for."""
        try:
            await anyio.to_thread.run_sync(_import_client)
            await self._http().warm()
        except ConfigError as error:
            logger.warning("%s %s", error.message, error.hint)
        except ImportError:
            # The request that needs it will say so; those that don't are served.
            logger.exception("The HTTP client can't be loaded.")

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()

    def _resolve(self, provider: str | None, request: AIRequest) -> tuple[Row, str]:
        active = self.directory.active
        row = self.directory.row(provider or active.provider)
        chosen = active.model if row.vendor.name == active.provider else None
        # Who names no provider means the active one, and its model with it.
        usual = (row.model, chosen) if provider else (chosen, row.model)
        model = request.model or usual[0] or usual[1]
        local = self._local.get(row.vendor.format)
        if local is not None:
            model = model or local.default_model()
        if model is None:
            raise InvalidParams(
                f"No model is named, and {row.vendor.display_name} has no default one.",
                path="$.request.model",
                hint="Name a model (list_models lists them), or set one by configure_provider.",
            )
        return row, model

    def _target(self, row: Row, model: str, request: AIRequest | EmbedRequest | None) -> Target:
        if row.base_url is None:
            message = f"{row.vendor.display_name} has no address yet."
            place = f"providers.{row.vendor.name}"
            hint = f"Set base_url by configure_provider, or in config.toml under {place}."
            raise InvalidParams(message, path="$.provider", hint=hint)
        return Target(
            vendor=row.vendor,
            base_url=row.base_url,
            model=model,
            deadlines=row.deadlines(request.timeouts if request else None),
            organization=row.organization,
            proxy=self._network.proxy_of(row.vendor.name),
            api_version=row.api_version,
            app=self.app,
        )

    def _remote_run(self, row: Row, request: AIRequest, target: Target) -> Run:
        async def run(sink: Sink) -> None:
            unheeded.tell(request, row.vendor, sink.facts)
            await with_keys(self.custody, row.wanted(), sink, self._send(request, target, sink))

        return run

    def _send(self, request: AIRequest, target: Target, sink: Sink) -> Send:
        async def send(key: Secret | None) -> None:
            wire = self._format(target.vendor.format_of(target.model))
            await self._http().run(wire, request, dataclasses.replace(target, key=key), sink)

        return send

    async def _ask_for_models(self, target: Target, key: Secret | None) -> list[ModelInfo]:
        wire = self._format(target.vendor.format)
        return await self._http().models(wire, dataclasses.replace(target, key=key))

    async def _once(self, row: Row, send: Send, key: Secret) -> None:
        """Use a key that is not kept, where the provider is now."""
        told, origin = self.custody.oversight.used_once, row.wanted().origin
        with outcome(lambda result: told(row.vendor.name, origin, result)):
            await send(key)

    def _http(self) -> Client:
        if self._client is None:
            self._client = _import_client()(self._network.proxy, self._network.ca_file)
        return self._client

    def _format(self, name: str) -> Format:
        if name not in self._formats:
            self._formats[name] = load(name)
        return self._formats[name]


def _total(usages: list[TokenUsage]) -> TokenUsage | None:
    if not usages:
        return None
    return TokenUsage(
        prompt_tokens=sum(each.prompt_tokens for each in usages),
        completion_tokens=sum(each.completion_tokens for each in usages),
        total_tokens=sum(each.total_tokens for each in usages),
    )


def _local_run(local: LocalProvider, request: AIRequest, model: str, row: Row) -> Run:
    deadlines = row.deadlines(request.timeouts)

    async def run(sink: Sink) -> None:
        unheeded.tell(request, row.vendor, sink.facts)
        await on_this_machine.stream(
            local, request, model, sink, vendor=row.vendor, deadlines=deadlines
        )

    return run


def _check_extra(extra: dict[str, Any] | None, *names: str, path: str = "$.request") -> None:
    for name in names:
        if name in (extra or {}):
            message = f"`extra` cannot set `{name}`."
            other = ", or the method that streams" if name == "stream" else ""
            own = f"{path}.{name}".removeprefix("$.")
            hint = f"Use `{own}`{other}."
            raise InvalidParams(message, path=f"{path}.extra.{name}", hint=hint)


def _with_defaults(request: AIRequest, row: Row) -> AIRequest:
    changes = {
        name: getattr(row, name)
        for name in ("max_tokens", "temperature")
        if getattr(request, name) is None and getattr(row, name) is not None
    }
    return msgspec.structs.replace(request, **changes) if changes else request


def _completed(models: list[ModelInfo], row: Row) -> list[ModelInfo]:
    # only lists of models need it
    from sidecar.providers import known_models  # noqa: PLC0415

    return known_models.completed(models, row.base_url)


def _import_client() -> type[Client]:
    # httpx takes 60 ms to import; the first answer (a ping, a list) must not wait for it.
    from sidecar.providers.client import Client  # noqa: PLC0415

    return Client

"""What providers are asked besides conversations: models, vectors of texts, counts of tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import anyio

from sidecar.engine import on_this_machine
from sidecar.engine.directory import Row
from sidecar.engine.manager import AIManager, check_extra
from sidecar.engine.on_this_machine import CountsHere, EmbedsHere
from sidecar.errors import ComponentMissing, InvalidParams
from sidecar.keys.secret import Secret
from sidecar.providers.format import CountsTokens, Embedded, Embeds
from sidecar.providers.presence import answers
from sidecar.providers.sink import Facts, Unheard
from sidecar.values import AIMessage, AIRequest, EmbedRequest, ModelInfo, Timeouts, TokenUsage

T = TypeVar("T")
_HELLO = AIRequest(messages=[AIMessage(role="user", content="Hello")], max_tokens=1)


class Questions:
    """Asks them of the manager's providers."""

    def __init__(self, manager: AIManager) -> None:
        self._manager = manager
        self._remote = manager.remote

    async def models(self, provider: str | None) -> list[ModelInfo]:
        """Ask a provider for its models; what it does not tell of them is filled in."""
        directory = self._manager.directory
        row = directory.row(provider or directory.active.provider)
        local = self._manager.local(row)
        if local is not None:
            return local.models()
        if row.vendor.models:
            named = [ModelInfo(id=model, provider=row.vendor.name) for model in row.vendor.models]
            return _completed(named, row)
        target = self._remote.target(row)  # first: without an address no key is looked for
        found = await self._remote.with_keys(row, Unheard(), self._remote.models(target))
        return _completed(found, row)

    async def test(self, provider: str, key: Secret | None) -> list[ModelInfo]:
        """Ask a provider for its models, with a key that is used this once, if one is given.

        One that has no list of models is asked for an answer of one token instead.
        """
        row = self._manager.directory.row(provider)
        local = self._manager.local(row)
        if local is not None and not local.available():
            message = f"{row.vendor.display_name} lacks its engine or its models."
            hint = "`ai-sidecar doctor` tells what is missing and how to install it."
            raise ComponentMissing(message, hint=hint, provider=provider)
        if row.vendor.models:
            sink = Unheard()
            send = self._remote.chat(_HELLO, self._remote.target(row, row.vendor.models[0]), sink)
            if key is None:
                await self._remote.with_keys(row, sink, send)
            else:
                await self._remote.once(row, send, key)
        elif key is not None and local is None:
            return await self._remote.once(row, self._remote.models(self._remote.target(row)), key)
        return await self.models(provider)

    async def embed(
        self, provider: str | None, model: str, request: EmbedRequest, execution_id: str
    ) -> tuple[Row, Facts, Embedded]:
        """Turn texts into vectors, in as many requests as the provider needs for them.

        Raises what `AIManager.prepare` does, `InvalidParams` for a provider that has no such
        thing, and what the provider answers.
        """
        check_extra(request.extra, "input", "model", path="$")
        directory = self._manager.directory
        row = directory.row(provider or directory.active.provider)
        local = self._manager.local(row)
        if isinstance(local, EmbedsHere):
            facts = Facts()
            vectors = local.embed(request, model, facts)
            return row, facts, await _answer(vectors, row, request.timeouts)
        wire = self._remote.format(row.vendor.format) if local is None else None
        if not isinstance(wire, Embeds) or "embeddings" not in row.vendor.capabilities:
            raise InvalidParams(
                f"{row.vendor.display_name} makes no embeddings.",
                path="$.provider",
                hint="list_ai_providers tells which do: their capabilities have `embeddings`.",
            )
        target = self._remote.target(row, model, request.timeouts)
        sink, texts = Unheard(execution_id), request.input
        found: list[Embedded] = []

        async def ask(key: Secret | None) -> None:
            keyed = dataclasses.replace(target, key=key)
            # Another key goes on where the first one ended.
            for start in range(len(found) * wire.most_texts, len(texts), wire.most_texts):
                batch = texts[start : start + wire.most_texts]
                body = await self._remote.ask(
                    wire.build_embed_request(batch, request, keyed), keyed, sink.facts
                )
                found.append(wire.parse_embeddings(body, len(batch), keyed, sink.facts))

        await self._remote.with_keys(row, sink, ask)
        return row, sink.facts, _joined(found)

    async def count_tokens(
        self, provider: str | None, request: AIRequest, execution_id: str
    ) -> tuple[Row, str, Facts, int | None]:
        """Ask how many tokens a request has; None where the provider does not tell.

        Raises what `AIManager.prepare` does, and what the provider answers.
        """
        row, model = self._manager.resolve(provider, request)
        sink = Unheard(execution_id)
        local = self._manager.local(row)
        if isinstance(local, CountsHere):
            count = local.count_tokens(request, model, sink.facts)
            return row, model, sink.facts, await _answer(count, row, request.timeouts)
        wire = self._remote.format(row.vendor.format) if local is None else None
        if not isinstance(wire, CountsTokens):
            return row, model, sink.facts, None
        target = self._remote.target(row, model, request.timeouts)

        async def ask(key: Secret | None) -> int:
            keyed = dataclasses.replace(target, key=key)
            asked = wire.build_count_request(request, keyed, sink.facts)
            return wire.parse_count(await self._remote.ask(asked, keyed, sink.facts), keyed)

        return row, model, sink.facts, await self._remote.with_keys(row, sink, ask)


async def running(rows: Iterable[Row]) -> set[str]:
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


async def _answer(question: Awaitable[T], row: Row, timeouts: Timeouts | None) -> T:
    return await on_this_machine.answer(
        question, vendor=row.vendor, deadlines=row.deadlines(timeouts)
    )


def _joined(parts: list[Embedded]) -> Embedded:
    usages = [part.usage for part in parts if part.usage is not None]
    usage = TokenUsage(
        prompt_tokens=sum(each.prompt_tokens for each in usages),
        completion_tokens=sum(each.completion_tokens for each in usages),
        total_tokens=sum(each.total_tokens for each in usages),
    )
    vectors = [vector for part in parts for vector in part.vectors]
    return Embedded(vectors, usage if usages else None)


def _completed(models: list[ModelInfo], row: Row) -> list[ModelInfo]:
    # only lists of models need it
    from sidecar.providers import known_models  # noqa: PLC0415

    return known_models.completed(models, row.base_url)

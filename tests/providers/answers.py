"""From a provider's bytes to a response, on the way that the client takes, without a network."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from sidecar.engine.transcript import Transcript
from sidecar.keys.secret import Secret
from sidecar.providers.catalog import VENDORS
from sidecar.providers.format import Format
from sidecar.providers.formats.openai_chat import OpenAIChat
from sidecar.providers.framing import LineSplitter, Splitter, SseDecoder
from sidecar.providers.vendor import Deadlines, Target, Vendor
from sidecar.values import AIResponse, StreamChunk

WIRE = OpenAIChat()
ROWS = {vendor.name: vendor for vendor in VENDORS}
PATIENT = Deadlines(connect_ms=10_000, first_token_ms=20_000, idle_ms=20_000, total_ms=30_000)

Cut = Callable[[bytes], Iterator[bytes]]


def target_of(
    vendor: str | Vendor = "openai-compatible",
    *,
    base_url: str | None = None,
    model: str = "m",
    key: str | None = None,
    deadlines: Deadlines = PATIENT,
) -> Target:
    """A vendor made concrete."""
    row = vendor if isinstance(vendor, Vendor) else ROWS[vendor]
    return Target(
        vendor=row,
        base_url=base_url or row.base_url or "https://api.example/v1",
        model=model,
        deadlines=deadlines,
        key=Secret(key) if key else None,
    )


def response_of(transcript: Transcript, target: Target) -> AIResponse:
    """What the chunks so far add up to."""
    return transcript.response(
        execution_id="e", provider=target.vendor.name, model=target.model, timing=None
    )


def answer(body: bytes, target: Target | None = None, wire: Format = WIRE) -> AIResponse:
    """Decode a whole answer."""
    target = target or target_of()
    transcript = Transcript()
    for chunk in wire.parse_response(body, target, transcript.facts):
        transcript.add(chunk)
    return response_of(transcript, target)


def streamed(
    body: bytes, target: Target | None = None, cut: Cut | None = None, wire: Format = WIRE
) -> tuple[list[StreamChunk], AIResponse]:
    """Decode a stream, cut into pieces by `cut`."""
    target = target or target_of()
    transcript = Transcript()
    chunks: list[StreamChunk] = []
    framing: Splitter = LineSplitter() if wire.framing == "ndjson" else SseDecoder()
    decoder = wire.decoder(target, transcript.facts)
    for piece in (cut or whole)(body):
        for event in framing.feed(piece):
            chunks += decoder.feed(event)
    for event in framing.close():
        chunks += decoder.feed(event)
    chunks += decoder.flush()
    for chunk in chunks:
        transcript.add(chunk)
    return chunks, response_of(transcript, target)


def events(*objects: object, done: bool = True) -> bytes:
    """A stream of `objects`: JSON text where they are strings, else to be encoded."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in objects]
    return "".join(f"data: {text}\n\n" for text in [*texts, *["[DONE]"] * done]).encode()


def delta(finish: str | None = None, **fields: object) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"id": "c1", "model": "m1", "choices": [_choice(finish, fields)]}


def _choice(finish: str | None, fields: dict[str, object]) -> dict[str, Any]:
    return {"index": 0, "delta": fields, "finish_reason": finish}


def whole(data: bytes) -> Iterator[bytes]:
    """In one piece."""
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """In pieces of one byte."""
    for position in range(len(data)):
        yield data[position : position + 1]


def at_random(seed: int) -> Cut:
    """In pieces of one to three hundred bytes, the same for the same seed."""

    def cut(data: bytes) -> Iterator[bytes]:
        draw = random.Random(seed)  # noqa: S311 - cuts, not secrets
        position = 0
        while position < len(data):
            size = draw.choice((1, 2, 3, 7, 40, 300))
            yield data[position : position + size]
            position += size

    return cut


CUTS: dict[str, Cut] = {
    "whole": whole,
    "byte by byte": byte_by_byte,
    **{f"at random, seed {seed}": at_random(seed) for seed in range(4)},
}

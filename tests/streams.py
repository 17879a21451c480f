"""Scripted streams as a client of the sidecar sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidecar.terminal.peer import Peer
from tests.providers.sidecars import LIMIT_S, ask

Json = dict[str, Any]
Write = Callable[[str, str], Path]

IN_TIME_S = 3.0
"""Within two seconds of its end's cause it is gone; one more for a machine that is busy."""

HANG = '{"content":"here"}\n{"hang":true}'
SILENT = '{"hang":true}'
HELLO = '{"content":"Hel"}\n{"content":"lo"}'
PACED = '{"pace_ms":3}\n{"content":"a","repeat":100000}'


def params(model: str, execution_id: str | None = None, **more: object) -> Json:
    """Build the parameters of a call of the provider `scripted`."""
    named = {} if execution_id is None else {"execution_id": execution_id}
    return {"provider": "scripted", "request": ask(model), **named, **more}


def line(method: str, given: object, id_: object = 1) -> bytes:
    """Build the line of a request."""
    message = {"jsonrpc": "2.0", "id": id_, "method": method, "params": given}
    return json.dumps(message).encode() + b"\n"


def begin(peer: Peer, model: str, execution_id: str = "e1", **more: object) -> None:
    """Start a stream and read its acknowledgement."""
    answer = peer.call("stream_ai_provider", params(model, execution_id, **more), LIMIT_S)
    assert answer.get("result") == {"execution_id": execution_id}, answer


def of(messages: list[Json], execution_id: str = "e1") -> list[Json]:
    """Return the parameters of one stream's notifications."""
    return [
        message["params"]
        for message in messages
        if message.get("method", "").startswith("ai_stream")
        and message["params"]["execution_id"] == execution_id
    ]


def chunk_of(execution_id: str = "e1") -> Callable[[Json], bool]:
    """Return what is true for a chunk of one stream."""
    return lambda message: (
        message.get("method") == "ai_stream_chunk"
        and message["params"]["execution_id"] == execution_id
    )


def answer_to(id_: object) -> Callable[[Json], bool]:
    """Return what is true for the answer to one request."""
    return lambda message: "id" in message and message["id"] == id_


def rest(peer: Peer) -> list[Json]:
    """Read to the end of the output."""
    found = []
    while (each := peer.receive(LIMIT_S)) is not None:
        found.append(json.loads(each))
    return found


def assert_whole(told: list[Json]) -> Json:
    """Assert that these are all of one stream's notifications, and return its end's parameters."""
    assert [each["seq"] for each in told] == list(range(1, len(told) + 1))
    assert all("chunk" in each for each in told[:-1])
    assert "finish_reason" in told[-1], told[-1]
    end = told[-1]
    said = "".join(each["chunk"].get("content", "") for each in told[:-1])
    assert end["response"]["content"] == said
    assert end["response"]["finish_reason"] == end["finish_reason"]
    return end

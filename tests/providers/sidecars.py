"""A real sidecar whose provider is a server of the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidecar.terminal.peer import Peer
from tests.providers.raw_server import RawServer

Json = dict[str, Any]
Connect = Callable[[RawServer], Peer]
LIMIT_S = 20.0
KEY = "my own/key+1"


def configure(home: Path, **rows: dict[str, Any]) -> None:
    """Write a config.toml with these providers."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines: list[str] = []
    for name, row in rows.items():
        lines.append(f"[providers.{name}]")
        # JSON's strings and numbers are TOML's, too.
        lines += [f"{key} = {json.dumps(value)}" for key, value in row.items()]
    (home / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def ask(model: str = "m", text: str = "hi", **fields: object) -> Json:
    """Build a request's parameters."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def stream(
    peer: Peer,
    provider: str,
    request: Json,
    execution_id: str = "e1",
) -> None:
    """Start a stream and read its acknowledgement."""
    params = {"provider": provider, "request": request, "execution_id": execution_id}
    answer = peer.call("stream_ai_provider", params, LIMIT_S)
    assert answer.get("result") == {"execution_id": execution_id}, answer


def is_end(message: Json, execution_id: str = "e1") -> bool:
    """True for the last notification of a stream."""
    return (
        message.get("method") == "ai_stream_end"
        and message["params"]["execution_id"] == execution_id
    )


def until_end(peer: Peer, execution_id: str = "e1") -> tuple[list[Json], Json]:
    """Read to the end of a stream; return its chunks and the end's parameters."""
    messages = peer.messages_until(lambda message: is_end(message, execution_id), LIMIT_S)
    of_stream = [
        message["params"]
        for message in messages
        if message.get("params", {}).get("execution_id") == execution_id
    ]
    assert [params["seq"] for params in of_stream] == list(
        range(of_stream[0]["seq"], of_stream[-1]["seq"] + 1)
    )
    return [params["chunk"] for params in of_stream[:-1]], of_stream[-1]


def nothing_more(peer: Peer) -> None:
    """Assert that nothing comes before the answer to a ping."""
    number = peer.request("ping")
    messages = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)
    assert [message.get("id") for message in messages] == [number], messages


def said(chunks: list[Json]) -> str:
    """Join the chunks' content."""
    return "".join(chunk.get("content", "") for chunk in chunks)

"""An Ollama that never stops: a typed error, and bounded memory."""

from __future__ import annotations

import psutil
import pytest

from tests.conftest import Start
from tests.providers.formats.ollama.saying import line, lines
from tests.providers.raw_server import Connection, Serve, chunk, chunked_head
from tests.providers.sidecars import LIMIT_S, ask, nothing_more, stream, until_end
from tests.providers.test_floods import MIB, TEXT, Memory

CALLS = [{"function": {"name": "f", "arguments": {}}}] * 500
FLOODS = {
    "an endless line": b"x" * 65_536,
    "endless words": lines(line(content=TEXT)),
    "endless thoughts": lines(line(content="", thinking=TEXT)),
    "endless tool calls": lines(line(content="", tool_calls=CALLS)),
    "an endless call": lines(
        line(tool_calls=[{"id": TEXT, "function": {"name": TEXT, "arguments": {"a": TEXT}}}])
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_an_ollama_that_never_stops_gives_a_typed_error_in_bounded_memory(
    start: Start, serve: Serve, name: str
) -> None:
    def script(connection: Connection) -> None:
        connection.send(chunked_head())
        connection.push(chunk(FLOODS[name]))

    server = serve(script)
    peer = start(OLLAMA_HOST=f"127.0.0.1:{server.port}")
    peer.call("list_models", {"provider": "local"}, LIMIT_S)
    with Memory(psutil.Process(peer.process_id)) as memory:
        stream(peer, "ollama", ask())
        error = until_end(peer)[1]["error"]["data"]
    assert (error["kind"], error["provider"]) == ("invalid_response", "ollama")
    assert server.connection().closed.wait(LIMIT_S)
    assert memory.grown < 200 * MIB, f"grew by {memory.grown // MIB} MiB"
    nothing_more(peer)

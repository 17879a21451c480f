"""Providers that never stop, and readers that do not read: bounded memory at both ends."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import IO, Self

import psutil
import pytest

from sidecar.terminal.peer import own_command
from tests.conftest import clean_environment
from tests.providers.answers import delta, events
from tests.providers.raw_server import (
    Connection,
    Serve,
    chunk,
    chunked_head,
    head,
)
from tests.providers.sidecars import (
    LIMIT_S,
    Connect,
    Json,
    ask,
    configure,
    is_end,
    nothing_more,
)

MIB = 1024 * 1024
STREAM = events(
    delta(content="Hel"),
    delta(content="lo"),
    delta("stop"),
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
)
FIRST = chunked_head() + chunk(events(delta(content="Hel"), done=False))


TEXT = "x" * 60_000
FLOODS: dict[str, tuple[bytes, bytes, bool, str]] = {
    "an endless line": (chunked_head() + chunk(b"data: "), chunk(b"x" * 65_536), True,
                        "invalid_response"),
    "an endless answer": (head(content_type="application/json"), b'{"a": 1, ' * 7000, False,
                          "invalid_response"),
    "endless words": (chunked_head(), chunk(events(delta(content=TEXT), done=False)), True,
                      "invalid_response"),
    "endless tool calls": (chunked_head(), chunk(events(delta(tool_calls=[
        {"function": {"name": "f", "arguments": "{}"}}] * 500), done=False)), True,
        "invalid_response"),
    "endless arguments": (chunked_head(), chunk(events(delta(tool_calls=[
        {"index": 0, "function": {"arguments": TEXT}}]), done=False)), True,
        "invalid_response"),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
def test_a_provider_that_never_stops_gives_a_typed_error_in_bounded_memory(
    connect: Connect, serve: Serve, name: str
) -> None:
    first, more, streams, kind = FLOODS[name]

    def script(connection: Connection) -> None:
        connection.send(first)
        connection.push(more)

    server = serve(script)
    peer = connect(server)
    peer.call("list_models", {"provider": "local"}, LIMIT_S)
    sidecar = psutil.Process(peer.process_id)
    with Memory(sidecar) as memory:
        method = "stream_ai_provider" if streams else "call_ai_provider"
        number = peer.request(method, {"provider": "raw", "request": ask(), "execution_id": "e1"})
        last = peer.messages_until(
            lambda message: is_end(message) if streams else message.get("id") == number, LIMIT_S
        )[-1]
    error = last["params"]["error"] if streams else last["error"]
    assert error["data"]["kind"] == kind
    assert error["data"]["provider"] == "raw"
    assert server.connection().closed.wait(LIMIT_S)
    assert memory.grown < 200 * MIB, f"grew by {memory.grown // MIB} MiB"
    nothing_more(peer)


class Memory:
    """Watches a process's resident memory for as long as it is entered."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._over = threading.Event()
        self._before = self._most = process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)

    @property
    def grown(self) -> int:
        return int(self._most - self._before)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._most = max(self._most, self._process.memory_info().rss)


def test_a_reader_that_does_not_read_holds_the_provider_back(serve: Serve, tmp_path: Path) -> None:
    stuck = threading.Event()
    piece = chunk(events(delta(content="x" * 200), done=False) * 100)

    def script(connection: Connection) -> None:
        connection.send(chunked_head())
        if connection.is_stuck(piece, 1.0):
            stuck.set()
        connection.hang()

    server = serve(script)
    home = tmp_path / "home"
    configure(home, raw={"format": "openai_chat", "base_url": server.url})
    params = {"provider": "raw", "request": ask(), "execution_id": "e1"}
    with subprocess.Popen(
        own_command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(home),
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        send(process.stdin, 1, "stream_ai_provider", params)
        assert stuck.wait(LIMIT_S)
        assert server.connection().sent < 30 * MIB
        assert psutil.Process(process.pid).memory_info().rss < 200 * MIB
        send(process.stdin, 2, "ping", {})
        send(process.stdin, 3, "cancel_execution", {"execution_id": "e1"})
        answered, ended = [], 0
        for line in process.stdout:
            message = json.loads(line)
            answered += [message["id"]] if "id" in message else []
            ended += is_end(message)
            if ended and len(answered) == 3:
                break
        assert sorted(answered) == [1, 2, 3]
        assert server.connection().closed.wait(LIMIT_S)
        process.stdin.close()
        rest = process.stdout.read()
        assert b"ai_stream" not in rest
        assert process.wait(LIMIT_S) == 0


def send(stdin: IO[bytes], number: int, method: str, params: Json) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    stdin.write(line.encode() + b"\n")
    stdin.flush()

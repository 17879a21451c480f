"""Servers that are on this machine only now and then."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sidecar.providers.presence import answers
from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.raw_server import Connection, Serve
from tests.providers.sidecars import LIMIT_S, Json, configure

pytestmark = pytest.mark.anyio


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


async def test_a_server_that_listens_is_there_and_is_sent_nothing(serve: Serve) -> None:
    server = serve(Connection.hang)
    for host in ("127.0.0.1", "localhost"):
        assert await answers(f"http://{host}:{server.port}/v1")
    assert server.requests == []


async def test_a_port_without_a_server_is_not() -> None:
    assert not await answers(f"http://127.0.0.1:{free_port()}")


async def test_another_machine_is_not_asked() -> None:
    assert await answers("https://ollama.example")
    assert await answers("http://192.0.2.1:11434")


def listed(peer: Peer) -> dict[str, Json]:
    found = peer.call("list_ai_providers", {}, LIMIT_S)["result"]["providers"]
    return {each["name"]: each for each in found}


def test_ollama_is_available_while_it_runs(start: Start, serve: Serve) -> None:
    port = free_port()
    peer = start(OLLAMA_HOST=f"127.0.0.1:{port}")
    assert not listed(peer)["ollama"]["available"]
    server = serve(Connection.hang)
    params = {"provider": "ollama", "base_url": f"http://127.0.0.1:{server.port}"}
    assert peer.call("configure_provider", params, LIMIT_S)["result"]["available"]
    assert listed(peer)["ollama"]["available"]


def test_a_provider_of_ones_own_is_not_looked_for(start: Start, tmp_path: Path) -> None:
    row = {"format": "ollama", "base_url": f"http://127.0.0.1:{free_port()}"}
    configure(tmp_path / "home", own=row)
    assert listed(start())["own"]["available"]

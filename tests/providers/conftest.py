"""What the tests of providers share."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from sidecar.providers.client import Client
from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.raw_server import RawServer, Script, Serve, serving
from tests.providers.sidecars import KEY, Connect, configure

# How long an example takes is the machine's affair, which others use as well.
settings.register_profile("providers", deadline=None)
settings.load_profile("providers")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start raw servers, which end with the test."""
    with ExitStack() as stack:

        def begin(
            script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
        ) -> RawServer:
            return stack.enter_context(serving(script, host=host, tls=tls))

        yield begin


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """The client as the sidecar has it."""
    found = Client()
    yield found
    await found.close()


@pytest.fixture
def connect(start: Start, tmp_path: Path) -> Connect:
    """Start a sidecar whose provider `raw` is a server."""

    def begin(server: RawServer) -> Peer:
        row = {"format": "openai_chat", "base_url": server.url, "key_variable": "RAW_API_KEY"}
        configure(tmp_path / "home", raw=row)
        return start(RAW_API_KEY=KEY)

    return begin

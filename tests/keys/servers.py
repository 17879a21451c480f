"""Providers on loopback that answer by the key that they are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sidecar.terminal.peer import Peer
from tests.providers.answers import delta, events
from tests.providers.raw_server import Connection, RawServer, serving
from tests.providers.sidecars import LIMIT_S, Json

Answer = Callable[[Connection], object]

PASSWORD = "a long password"  # noqa: S105 - of vaults that end with their test

_KEY = re.compile(rb"^authorization: bearer (.*)\r$", re.IGNORECASE | re.MULTILINE)


def well(connection: Connection) -> None:
    """Say hello."""
    connection.answer(events(delta(content="Hello"), delta("stop")))


def refusal(status: str, message: str = "No.", **headers: str) -> Answer:
    """Refuse with a status."""
    body = f'{{"error":{{"message":"{message}"}}}}'.encode()
    return lambda connection: connection.answer(
        body, status=status, content_type="application/json", **headers
    )


UNKNOWN = refusal("401 Unauthorized")
OUT_OF_QUOTA = refusal("402 Payment Required")
TOO_MANY = refusal("429 Too Many Requests")


class Provider:
    """Answers each key as `answers` says, and knows which it was given."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.usually: Answer = well
        self.server: RawServer | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return self._server.url

    @property
    def origin(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def keys(self) -> list[str]:
        """The key of each request so far; empty where it had none."""
        return [", ".join(keys_in(request)) for request in self._server.requests]

    def script(self, connection: Connection) -> None:
        """Answer one request."""
        [key] = keys_in(self._server.requests[-1]) or [""]
        self.answers.get(key, self.usually)(connection)

    @property
    def _server(self) -> RawServer:
        assert self.server is not None
        return self.server


def keys_in(request: bytes) -> list[str]:
    """The keys that a request has."""
    head = request.partition(b"\r\n\r\n")[0] + b"\r\n"
    return [found.decode() for found in _KEY.findall(head)]


@contextmanager
def provider() -> Iterator[Provider]:
    """Run one."""
    found = Provider()
    with serving(found.script) as server:
        found.server = server
        yield found


# --- a sidecar that uses it ----------------------------------------------------------------------


def given(peer: Peer, method: str, **params: object) -> Json:
    """Call a method that has to work; return its result."""
    answer = peer.call(method, params, LIMIT_S)
    assert "result" in answer, answer
    result: Json = answer["result"]
    return result


def refused(peer: Peer, method: str, **params: object) -> Json:
    """Call a method that has to fail; return the error's data, with its message in it."""
    answer = peer.call(method, params, LIMIT_S)
    assert "error" in answer, answer
    return {**answer["error"]["data"], "message": answer["error"]["message"]}


def chat(provider: str = "mine", **more: object) -> Json:
    """The parameters of a chat."""
    request = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return {"provider": provider, "request": request, **more}


def make_row(peer: Peer, url: str, name: str = "mine") -> None:
    """Make a provider of a server."""
    given(peer, "configure_provider", provider=name, format="openai_chat", base_url=url)


def set_key(peer: Peer, api_key: str, key_id: str = "default", **more: object) -> Json:
    """Enter a key for it."""
    more.setdefault("provider", "mine")
    return given(peer, "set_api_key", api_key=api_key, key_id=key_id, **more)


def keys_of(peer: Peer, provider: str = "mine") -> list[Json]:
    """What is told of a provider's keys."""
    found: list[Json] = given(peer, "list_api_keys", provider=provider)["keys"]
    return found


def notices(peer: Peer, kind: str) -> list[Json]:
    """Security notices of a kind that have come by now."""
    number = peer.request("ping")
    came = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)
    told = [each["params"] for each in came if each.get("method") == "security_notice"]
    return [each for each in told if each["kind"] == kind]

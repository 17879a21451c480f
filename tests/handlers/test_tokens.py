"""Vectors of texts and counts of tokens, as a client on the pipe sees them."""

from __future__ import annotations

import base64
import json
import math
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start, needs_llama_cpp
from tests.providers.raw_server import Connection, RawServer, serving
from tests.providers.sidecars import LIMIT_S, Json

LIMITED = ("429 No", b'{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}')


class Vectors:
    """A server that makes vectors: of each text its length, and how many came before it."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        self.keys: list[str] = []
        self.allowed: dict[str, int] = {}
        """How many requests a key is good for; one that is not here, for any number."""
        self.held = threading.Event()
        self.asked = threading.Event()
        self.held.set()
        self.server: RawServer

    def script(self, connection: Connection) -> None:
        """Answer a request."""
        head, _, body = self.server.requests[-1].partition(b"\r\n\r\n")
        [key] = [
            line[22:]
            for line in head.splitlines()
            if line.lower().startswith(b"authorization: bearer ")
        ] or [b""]
        self.keys.append(key.decode())
        self.asked.set()
        assert self.held.wait(LIMIT_S)
        if self.keys.count(self.keys[-1]) > self.allowed.get(self.keys[-1], len(self.keys)):
            connection.answer(LIMITED[1], status=LIMITED[0], content_type="text/json")
            return
        self.bodies.append(json.loads(body))
        texts = self.bodies[-1]["input"]
        data = [
            {"index": at, "embedding": base64.b64encode(struct.pack("<2f", len(text), at)).decode()}
            for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        answer = {"model": "m-2026", "data": data[::-1], "usage": usage}
        connection.answer(json.dumps(answer).encode(), content_type="application/json")


@pytest.fixture
def vectors() -> Iterator[Vectors]:
    made = Vectors()
    with serving(made.script) as server:
        made.server = server
        yield made


@pytest.fixture
def peer(start: Start, vectors: Vectors) -> Peer:
    """A sidecar with this server as a provider of its own."""
    peer = start()
    given = {"provider": "mine", "format": "openai_chat", "base_url": vectors.server.url}
    assert "result" in peer.call("configure_provider", given, LIMIT_S)
    return peer


def embed(peer: Peer, given: object, **more: object) -> Json:
    return peer.call("embed", {"provider": "mine", "model": "m", "input": given, **more}, LIMIT_S)


def test_each_text_gets_its_vector_in_their_order(peer: Peer, vectors: Vectors) -> None:
    assert embed(peer, ["a", "abc"], dimensions=2)["result"] == {
        "embeddings": [[1.0, 0.0], [3.0, 1.0]],
        "model": "m-2026",
        "provider": "mine",
        "dimensions": 2,
        "usage": {"prompt_tokens": 2, "completion_tokens": 0, "total_tokens": 2},
    }
    assert vectors.bodies[0]["dimensions"] == 2
    assert embed(peer, "one text")["result"]["embeddings"] == [[8.0, 0.0]]


def test_what_a_provider_does_not_take_at_once_is_sent_in_parts(
    peer: Peer, vectors: Vectors
) -> None:
    result = embed(peer, ["x" * (number + 1) for number in range(250)])["result"]
    assert [vector[0] for vector in result["embeddings"]] == [*range(1, 251)]
    assert len(vectors.bodies) == 3
    assert result["usage"]["prompt_tokens"] == 250


def test_another_key_goes_on_where_the_first_is_at_its_limit(peer: Peer, vectors: Vectors) -> None:
    for key in ("a", "b"):
        given = {"provider": "mine", "api_key": f"key-{key}", "key_id": key, "store": "memory"}
        peer.call("set_api_key", given, LIMIT_S)
    vectors.allowed = {"key-a": 1}
    found = embed(peer, ["x" * (number + 1) for number in range(250)])["result"]
    assert [vector[0] for vector in found["embeddings"]] == [*range(1, 251)]
    assert vectors.keys == ["key-a", "key-a", "key-b", "key-b"]


def test_which_execution_has_used_a_key_is_in_the_audit(peer: Peer, vectors: Vectors) -> None:
    given = {"provider": "mine", "api_key": "key-a", "store": "memory"}
    peer.call("set_api_key", given, LIMIT_S)
    vectors.allowed = {"key-a": 1}
    assert "result" in embed(peer, "x", execution_id="e-1")
    assert "error" in embed(peer, "x", execution_id="e-2")
    events = peer.call("list_audit_events", {"limit": 2}, LIMIT_S)["result"]["events"]
    used = [(each["event"]["execution_id"], each["event"]["result"]) for each in events]
    assert used == [("e-2", "rate_limited"), ("e-1", "ok")]


def test_it_can_be_stopped_by_its_id(peer: Peer, vectors: Vectors) -> None:
    vectors.held.clear()
    given = {"provider": "mine", "model": "m", "input": "x", "execution_id": "e"}
    number = peer.request("embed", given)
    assert vectors.asked.wait(LIMIT_S)
    again = peer.call("embed", given, LIMIT_S)
    assert again["error"]["data"]["path"] == "$.execution_id"
    assert peer.call("cancel_execution", {"execution_id": "e"}, LIMIT_S)["result"]["cancelled"]
    vectors.held.set()
    answer = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)[-1]
    assert answer["error"]["code"] == -32800
    assert "result" in peer.call("embed", given, LIMIT_S), "the id is free again"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"input": []}, "$.input"),
        ({"input": ["x"] * 257}, "$.input"),
        ({"input": [""]}, "$.input[0]"),
        ({"input": "x", "extra": {"input": "y"}}, "$.extra.input"),
        ({"input": "x", "provider": "anthropic"}, "$.provider"),
        ({"input": "x", "provider": "deepseek"}, "$.provider"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(peer: Peer, given: Json, path: str) -> None:
    answer = peer.call("embed", {"provider": "mine", "model": "m", **given}, LIMIT_S)
    assert (answer["error"]["code"], answer["error"]["data"]["path"]) == (-32602, path)


def test_a_local_model_makes_vectors_and_tells_them_as_all_others(start: Start) -> None:
    needs_llama_cpp()
    given = {"provider": "local", "model": "demo", "input": ["Hello", "Where are my keys?"]}
    result = start().call("embed", given, LIMIT_S)["result"]
    assert [len(vector) for vector in result["embeddings"]] == [128, 128]
    assert [math.hypot(*vector) for vector in result["embeddings"]] == pytest.approx([1, 1])
    tokens = result["usage"]["prompt_tokens"]
    assert (result["model"], result["provider"], result["dimensions"]) == ("demo", "local", 128)
    assert result["usage"] == {
        "prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens, "cached_tokens": 0,
    }  # fmt: skip
    assert "warnings" not in result


@pytest.mark.parametrize(
    ("given", "kind", "path"),
    [
        ({"model": "no-such"}, "model_not_found", None),
        ({"input": ["x", "x " * 2000]}, "context_length", "$.input[1]"),
        ({"dimensions": 129}, "invalid_request", "$.dimensions"),
        ({"extra": {"user": "u"}}, "invalid_request", "$.extra"),
    ],
)
def test_what_a_local_model_cannot_turn_into_vectors_is_told(
    start: Start, given: Json, kind: str, path: str | None
) -> None:
    needs_llama_cpp()
    asked = {"provider": "local", "model": "demo", "input": "x", **given}
    data = start().call("embed", asked, LIMIT_S)["error"]["data"]
    assert (data["kind"], data["provider"], data.get("path")) == (kind, "local", path)


def test_a_local_models_count_is_the_chats_own(start: Start) -> None:
    needs_llama_cpp()
    peer = start()
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 😀"}]
    request = {"model": "demo", "messages": messages, "max_tokens": 1}
    asked = {"provider": "local", "request": request}
    usage = peer.call("call_ai_provider", asked, LIMIT_S)["result"]["usage"]
    assert peer.call("count_tokens", asked, LIMIT_S)["result"] == {
        "tokens": usage["prompt_tokens"], "estimated": False, "model": "demo", "provider": "local",
    }  # fmt: skip


def test_a_local_count_refuses_what_the_chat_refuses(start: Start) -> None:
    needs_llama_cpp()
    peer = start()
    tools = {"messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "f"}]}
    for request, path in ((tools, "$.request.tools"), (tools | {"model": "no-such"}, None)):
        errors = [
            peer.call(method, {"provider": "local", "request": request}, LIMIT_S)["error"]
            for method in ("count_tokens", "call_ai_provider")
        ]
        for error in errors:
            error["data"].pop("execution_id", None)
        assert errors[0] == errors[1]
        assert errors[0]["data"].get("path") == path


@pytest.mark.parametrize("method", ["embed", "count_tokens"])
def test_without_the_local_engine_both_say_what_is_missing(
    start: Start, tmp_path: Path, method: str
) -> None:
    peer = start("--worker", str(tmp_path / "nowhere"))
    request = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}
    given = {"model": "demo", "input": "x"} if method == "embed" else {"request": request}
    error = peer.call(method, {"provider": "local", **given}, LIMIT_S)["error"]
    assert (error["data"]["kind"], error["data"]["provider"]) == ("component_missing", "local")


def test_a_provider_that_counts_is_asked(start: Start) -> None:
    def count(connection: Connection) -> None:
        assert b"POST /v1/messages/count_tokens" in server.requests[-1]
        connection.answer(b'{"input_tokens": 14}', content_type="application/json")

    with serving(count) as server:
        peer = start()
        url = server.url.removesuffix("/v1")
        given = {"provider": "mine", "format": "anthropic", "base_url": url}
        peer.call("configure_provider", given, LIMIT_S)
        request = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
        asked = {"provider": "mine", "request": request}
        assert peer.call("count_tokens", asked, LIMIT_S)["result"] == {
            "tokens": 14, "estimated": False, "model": "claude-sonnet-4-5", "provider": "mine",
        }  # fmt: skip


def test_for_all_others_it_is_estimated_and_nobody_is_asked(peer: Peer, vectors: Vectors) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}
    result = peer.call("count_tokens", {"provider": "mine", "request": request}, LIMIT_S)["result"]
    assert (result["tokens"], result["estimated"]) == (6, True)
    assert vectors.server.requests == []

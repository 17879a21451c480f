"""Providers and their models, as a client on the pipe sees them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sidecar.providers.catalog import VENDORS
from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.raw_server import Connection, RawServer, serving
from tests.providers.sidecars import LIMIT_S, Json, nothing_more
from tests.streams import HELLO, Write, params

KEY = "a key of the environment"


@pytest.fixture
def server() -> Iterator[RawServer]:
    """Lists two models to whoever has a key, and refuses all others."""

    def script(connection: Connection) -> None:
        known = b"authorization: bearer " in found.requests[-1].lower()
        body = b'{"data":[{"id":"m1"},{"id":"m2"}]}' if known else b'{"error":{"message":"Who?"}}'
        connection.answer(body, status="200 OK" if known else "401 No", content_type="text/json")

    with serving(script) as found:
        yield found


def providers(peer: Peer) -> dict[str, Json]:
    listed = peer.call("list_ai_providers", {}, LIMIT_S)["result"]["providers"]
    return {each["name"]: each for each in listed}


def configure(peer: Peer, **fields: object) -> Json:
    return peer.call("configure_provider", dict(fields), LIMIT_S)


def test_every_row_of_the_catalogue_is_listed_and_no_key(start: Start) -> None:
    peer = start(GROQ_API_KEY=KEY)
    found = providers(peer)
    assert list(found) == [vendor.name for vendor in VENDORS]
    assert [name for name, row in found.items() if row["has_api_key"]] == ["groq"]
    assert found["groq"]["available"]
    assert not found["openai"]["available"]
    assert found["groq"]["origins"] == ["https://api.groq.com:443"]
    assert [name for name, row in found.items() if row["active"]] == ["local"]
    assert KEY not in str(found)


def test_the_scripted_one_is_there_where_it_was_asked_for(start: Start, script: Write) -> None:
    peer = start("--scripted", str(script("hello", HELLO)))
    assert providers(peer)["scripted"]["available"]
    models = peer.call("list_models", {"provider": "scripted"}, LIMIT_S)["result"]
    assert models == {"models": [{"id": "hello", "provider": "scripted"}]}


def test_a_change_is_answered_and_then_told(start: Start) -> None:
    peer = start()
    number = peer.request("configure_provider", {"provider": "groq", "model": "m"})
    answer, told = peer.messages_until(lambda each: "method" in each, LIMIT_S)
    assert answer["id"] == number
    assert answer["result"] == providers(peer)["groq"]
    assert told["method"] == "providers_changed"
    assert told["params"] == {"provider": "groq"}
    nothing_more(peer)


def test_what_is_left_out_stays_and_null_sets_back(start: Start) -> None:
    peer = start()
    first = configure(peer, provider="groq", model="m", max_tokens=5)["result"]
    assert first["defaults"] == {"model": "m", "max_tokens": 5}
    second = configure(peer, provider="groq", max_tokens=None, temperature=0)["result"]
    assert second["defaults"] == {"model": "m", "temperature": 0}
    third = configure(peer, provider="groq", model=None, temperature=None)["result"]
    assert "defaults" not in third


def test_a_format_makes_a_provider_of_ones_own_that_goes_with_it(start: Start) -> None:
    peer = start()
    made = configure(
        peer, provider="own", format="openai_chat", base_url="http://localhost:1/v1/", model="m"
    )["result"]
    assert (made["base_url"], made["available"]) == ("http://localhost:1/v1", True)
    assert "own" in providers(peer)
    assert "result" in configure(peer, provider="own", format=None)
    assert "own" not in providers(peer)
    answer = configure(peer, provider="own", model="m")
    assert answer["error"]["data"]["kind"] == "provider_not_found"


def test_the_format_of_a_provider_of_the_catalogue_is_fixed(start: Start) -> None:
    answer = configure(start(), provider="groq", format="openai_chat")
    assert answer["error"]["data"]["path"] == "$.format"


@pytest.mark.parametrize(
    "field", ["api_key", "headers", "key_variable", "auth", "proxy", "ca_file", "verify"]
)
def test_what_only_the_user_may_set_cannot_be_set_here(start: Start, field: str) -> None:
    answer = configure(start(), provider="groq", **{field: "x"})
    assert answer["error"]["data"]["path"] == f"$.{field}"


@pytest.mark.parametrize(
    "url", ["http://a.example", "https://u:p@a.example", "https://a.example?x", "nonsense", ""]
)
def test_an_address_that_is_not_safe_changes_nothing(start: Start, url: str) -> None:
    peer = start()
    before = providers(peer)
    answer = configure(peer, provider="groq", base_url=url, model="m")
    if url:
        assert answer["error"]["data"]["path"] == "$.base_url"
        assert providers(peer) == before
    else:
        assert "error" in answer or answer["result"]["base_url"] == before["groq"]["base_url"]


def test_the_active_one_is_where_requests_without_one_go(start: Start, script: Write) -> None:
    peer = start("--scripted", str(script("hello", HELLO)))
    assert peer.call("get_active_provider", {}, LIMIT_S)["result"] == {
        "provider": "local",
        "model": "demo",
    }
    given = {"provider": "scripted", "model": "hello"}
    assert peer.call("set_active_provider", given, LIMIT_S)["result"] == given
    assert peer.call("get_active_provider", {}, LIMIT_S)["result"] == given
    request = params("hello")["request"]
    request.pop("model")
    answer = peer.call("call_ai_provider", {"request": request}, LIMIT_S)
    assert answer["result"]["content"] == "Hello"


# --- asking a provider ---------------------------------------------------------------------------


def test_a_test_tells_how_it_went_and_keeps_no_key(start: Start, server: RawServer) -> None:
    peer = start()
    configure(peer, provider="own", format="openai_chat", base_url=server.url)
    given = {"provider": "own", "api_key": "once"}
    found = peer.call("test_provider_connection", given, LIMIT_S)["result"]
    assert (found["ok"], found["models"]) == (True, 2)
    refused = peer.call("test_provider_connection", {"provider": "own"}, LIMIT_S)["result"]
    assert (refused["ok"], refused["error"]["data"]["kind"]) == (False, "authentication")
    assert not providers(peer)["own"]["has_api_key"]


@pytest.mark.parametrize("key", ["a\nb", "ключ", "\u0000", " ", "\n"])
def test_a_key_that_no_header_can_carry_is_told_and_not_sent(
    start: Start, server: RawServer, key: str
) -> None:
    peer = start()
    configure(peer, provider="own", format="openai_chat", base_url=server.url)
    given = {"provider": "own", "api_key": key}
    found = peer.call("test_provider_connection", given, LIMIT_S)["error"]
    assert (found["code"], found["data"]["path"]) == (-32602, "$.api_key")
    assert "Paste" in found["data"]["hint"]
    assert server.requests == []
    assert key == " " or key not in found["message"]


@pytest.mark.parametrize("key", ["x" * 10_000, "  pasted\t\r\n", "\npasted"])
def test_a_key_is_sent_without_what_was_pasted_around_it(
    start: Start, server: RawServer, key: str
) -> None:
    peer = start()
    configure(peer, provider="own", format="openai_chat", base_url=server.url)
    given = {"provider": "own", "api_key": key}
    assert peer.call("test_provider_connection", given, LIMIT_S)["result"]["ok"]
    assert f"Bearer {key.strip()}\r\n".encode() in server.requests[-1]


def test_an_unknown_provider_is_an_error_and_no_result(start: Start) -> None:
    answer = start().call("test_provider_connection", {"provider": "none"}, LIMIT_S)
    assert answer["error"]["data"]["kind"] == "provider_not_found"

"""One request and several keys: which is tried, in which order, and when none is tried again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.keys.servers import (
    OUT_OF_QUOTA,
    PASSWORD,
    TOO_MANY,
    UNKNOWN,
    Provider,
    chat,
    given,
    make_row,
    provider,
    refusal,
    refused,
    set_key,
)
from tests.providers.answers import delta, events
from tests.providers.raw_server import Connection, chunk, chunked_head
from tests.providers.sidecars import LIMIT_S, ask, stream, until_end


@pytest.fixture
def there() -> Iterator[Provider]:
    with provider() as found:
        yield found


@pytest.fixture
def peer(start: Start, there: Provider) -> Peer:
    """A sidecar with two keys for the provider."""
    found = start()
    make_row(found, there.url)
    set_key(found, "first-key", "a", store="memory")
    set_key(found, "second-key", "b", store="memory")
    return found


@pytest.mark.parametrize("answer", [TOO_MANY, OUT_OF_QUOTA], ids=["rate limited", "quota"])
def test_where_one_key_is_out_of_quota_the_same_request_is_served_by_the_next(
    peer: Peer, there: Provider, answer: object
) -> None:
    assert callable(answer)
    there.answers["first-key"] = answer
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello"
    assert there.keys == ["first-key", "second-key"], "each request has one key"
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello"
    assert there.keys[2:] == ["second-key"], "the one that rests is not tried first"


def test_a_stream_goes_on_to_the_next_key_as_well(peer: Peer, there: Provider) -> None:
    there.answers["first-key"] = TOO_MANY
    stream(peer, "mine", ask())
    chunks, end = until_end(peer)
    assert end["response"]["content"] == "Hello"
    assert "error" not in end
    assert all("error" not in each for each in chunks)
    assert there.keys == ["first-key", "second-key"]


def test_a_key_comes_back_when_it_has_rested_as_long_as_its_provider_said(
    peer: Peer, there: Provider
) -> None:
    there.answers["first-key"] = refusal("429 Too Many Requests", retry_after_ms="1")
    given(peer, "call_ai_provider", **chat())
    there.answers.clear()
    given(peer, "call_ai_provider", **chat())
    assert there.keys == ["first-key", "second-key", "first-key"]
    there.answers["first-key"] = refusal("429 Too Many Requests", retry_after="3600")
    given(peer, "call_ai_provider", **chat())
    there.answers.clear()
    given(peer, "call_ai_provider", **chat())
    assert there.keys[3:] == ["first-key", "second-key", "second-key"]


def test_where_all_are_out_of_quota_the_last_ones_error_is_the_answer(
    peer: Peer, there: Provider
) -> None:
    there.usually = OUT_OF_QUOTA
    there.answers["first-key"] = TOO_MANY
    assert refused(peer, "call_ai_provider", **chat())["kind"] == "quota"
    assert there.keys == ["first-key", "second-key"]
    there.usually = TOO_MANY
    assert refused(peer, "call_ai_provider", **chat())["kind"] == "rate_limited"
    assert len(there.keys) == 4


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "404 No", "500 Oh", "503 Busy", "401 Who"])
def test_no_other_failure_makes_it_try_another_key(
    peer: Peer, there: Provider, status: str
) -> None:
    there.answers["first-key"] = refusal(status)
    refused(peer, "call_ai_provider", **chat())
    assert set(there.keys) == {"first-key"}


def test_a_key_entered_anew_has_not_to_rest(peer: Peer, there: Provider) -> None:
    there.answers["first-key"] = TOO_MANY
    given(peer, "call_ai_provider", **chat())
    set_key(peer, "first-key-anew", "a", store="memory")
    given(peer, "call_ai_provider", **chat())
    assert there.keys[2:] == ["first-key-anew"]


def test_once_a_word_was_said_no_other_key_is_tried(peer: Peer, there: Provider) -> None:
    limit = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}

    def say_and_stop(connection: Connection) -> None:
        connection.answer(events(delta(content="Hel"), limit, done=False))

    there.answers["first-key"] = say_and_stop
    stream(peer, "mine", ask())
    _, end = until_end(peer)
    assert end["error"]["data"]["kind"] == "rate_limited"
    assert end["response"]["content"] == "Hel"
    assert there.keys == ["first-key"]
    given(peer, "call_ai_provider", **chat())
    assert there.keys == ["first-key", "second-key"], "but the next request knows"


def test_keys_of_another_store_are_not_mixed_in(start: Start, there: Provider) -> None:
    peer = start(MINE_API_KEY="of-the-environment")
    make_row(peer, there.url)
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, "in-the-vault", "a", store="vault")
    there.usually = TOO_MANY
    refused(peer, "call_ai_provider", **chat())
    assert there.keys == ["in-the-vault"]
    set_key(peer, "in-memory", "b", store="memory")
    refused(peer, "call_ai_provider", **chat())
    assert there.keys == ["in-the-vault", "in-memory"], "what was entered for this run goes first"


def test_a_list_of_models_goes_on_to_the_next_key_as_well(peer: Peer, there: Provider) -> None:
    there.answers["first-key"] = TOO_MANY
    there.usually = lambda connection: connection.answer(
        b'{"data":[{"id":"m1"}]}', content_type="application/json"
    )
    assert [each["id"] for each in given(peer, "list_models", provider="mine")["models"]] == ["m1"]
    assert there.keys == ["first-key", "second-key"]


def test_a_provider_that_needs_no_key_is_asked_without_one(start: Start, there: Provider) -> None:
    peer = start()
    make_row(peer, there.url)
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello"
    assert there.keys == [""]


# --- a key that was changed elsewhere ------------------------------------------------------------


@pytest.fixture
def others(start: Start, there: Provider) -> tuple[Peer, Peer]:
    """Two sidecars on one home, with a key in its vault."""
    first = start()
    make_row(first, there.url)
    given(first, "create_vault", password=PASSWORD)
    set_key(first, "old-key", store="vault")
    second = start()
    given(second, "unlock_vault", password=PASSWORD)
    return first, second


def test_a_refused_key_is_read_again_once_and_the_new_one_serves_the_same_request(
    others: tuple[Peer, Peer], there: Provider
) -> None:
    first, second = others
    given(second, "call_ai_provider", **chat())
    set_key(first, "new-key", store="vault")
    there.answers["old-key"] = UNKNOWN
    assert given(second, "call_ai_provider", **chat())["content"] == "Hello"
    assert there.keys == ["old-key", "old-key", "new-key"]
    given(second, "call_ai_provider", **chat())
    assert there.keys[3:] == ["new-key"]


def test_a_refused_key_that_is_still_the_same_is_not_sent_again(
    others: tuple[Peer, Peer], there: Provider
) -> None:
    _, second = others
    there.usually = UNKNOWN
    assert refused(second, "call_ai_provider", **chat())["kind"] == "authentication"
    assert there.keys == ["old-key"]


def test_a_new_key_that_is_refused_as_well_is_the_answer(
    others: tuple[Peer, Peer], there: Provider
) -> None:
    first, second = others
    given(second, "call_ai_provider", **chat())
    set_key(first, "new-key", store="vault")
    there.usually = UNKNOWN
    assert refused(second, "call_ai_provider", **chat())["kind"] == "authentication"
    assert there.keys == ["old-key", "old-key", "new-key"]


def test_a_refused_key_whose_store_is_locked_by_now_is_refused(
    others: tuple[Peer, Peer], there: Provider
) -> None:
    _, second = others
    given(second, "call_ai_provider", **chat())

    asked, locked = threading.Event(), threading.Event()

    def refuse_when_locked(connection: Connection) -> None:
        asked.set()
        assert locked.wait(LIMIT_S)
        UNKNOWN(connection)

    there.usually = refuse_when_locked
    number = second.request("call_ai_provider", chat())
    assert asked.wait(LIMIT_S)
    given(second, "lock_vault")
    locked.set()
    answer = second.messages_until(lambda message: message.get("id") == number, LIMIT_S)[-1]
    assert answer["error"]["data"]["kind"] == "authentication"


def test_a_request_under_way_ends_on_its_key_while_a_new_one_is_set(
    peer: Peer, there: Provider
) -> None:
    go_on = threading.Event()

    def slowly(connection: Connection) -> None:
        connection.send(chunked_head(), chunk(events(delta(content="Hel"), done=False)))
        assert go_on.wait(LIMIT_S)
        connection.send(chunk(events(delta(content="lo"), delta("stop"))), b"0\r\n\r\n")

    there.answers["first-key"] = slowly
    stream(peer, "mine", ask())
    peer.messages_until(lambda message: message.get("method") == "ai_stream_chunk", LIMIT_S)
    set_key(peer, "newer-key", "a", store="memory")
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello"
    given(peer, "delete_api_key", provider="mine", key_id="a")
    go_on.set()
    _, end = until_end(peer)
    assert end["response"]["content"] == "Hello"
    assert there.keys == ["first-key", "newer-key"]


def test_a_key_that_cannot_be_read_does_not_keep_the_next_from_serving(
    start: Start, there: Provider, tmp_path: Path
) -> None:
    peer = start()
    make_row(peer, there.url)
    given(peer, "create_vault", password=PASSWORD)
    for name in "abc":
        set_key(peer, f"key-{name}", name, store="vault")
    peer.close()
    with closing(sqlite3.connect(tmp_path / "home" / "sidecar.db")) as connection, connection:
        connection.execute("UPDATE secrets SET ciphertext = x'00' WHERE key_id LIKE 'a~%'")
        connection.execute("DELETE FROM secrets WHERE key_id LIKE 'b~%'")
    again = start()
    given(again, "unlock_vault", password=PASSWORD)
    given(again, "call_ai_provider", **chat())
    assert there.keys == ["key-c"]

"""Which providers there are, and where their keys may go."""

from __future__ import annotations

import sqlite3
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.engine.addresses import checked_url, origin
from sidecar.engine.directory import Active, Directory, Overrides
from sidecar.errors import ConfigError, ProviderNotFound
from sidecar.settings import Config, ProviderSettings
from sidecar.terminal.peer import Peer
from sidecar.values import Timeouts
from tests.conftest import Start
from tests.providers.raw_server import RawServer, serving
from tests.providers.sidecars import LIMIT_S, Json, ask, configure

KEY = "a key of the environment"


def directory(config: str = "", **overrides: Overrides) -> Directory:
    made = Directory(msgspec.convert(tomllib.loads(config), Config), scripted=False)
    made.overrides |= overrides
    return made


# --- rows ----------------------------------------------------------------------------------------


def test_what_rpc_sets_comes_before_the_file_and_the_file_before_the_catalogue() -> None:
    config = '[providers.groq]\nmodel = "file"\nmax_tokens = 5\ndisplay_name = "Mine"\n'
    config += "timeouts = { idle_ms = 7, total_ms = 8 }\n[timeouts]\nconnect_ms = 9\nidle_ms = 10"
    over = Overrides(model="rpc", timeouts=Timeouts(total_ms=6))
    row = directory(config, groq=over).row("groq")
    assert (row.model, row.max_tokens, row.vendor.display_name) == ("rpc", 5, "Mine")
    assert row.base_url == "https://api.groq.com/openai/v1"
    limits = row.deadlines(Timeouts(connect_ms=1))
    assert (limits.connect_ms, limits.idle_ms, limits.total_ms) == (1, 7, 6)
    assert limits.first_token_ms == 600_000


def test_a_row_of_ones_own_needs_a_format_and_no_key() -> None:
    row = directory('[providers.own]\nformat = "openai_chat"').row("own")
    assert (row.vendor.format, row.vendor.key_required, row.has_address) == (
        "openai_chat", False, False,
    )  # fmt: skip


def test_a_row_of_ones_own_expects_its_key_where_its_format_does() -> None:
    config = '[providers.a]\nformat = "anthropic"\n[providers.b]\nformat = "openai_chat"'
    assert directory(config).row("a").vendor.auth == "x-api-key"
    assert directory(config).row("b").vendor.auth == "bearer"


def test_who_names_a_format_wants_it_for_all_models() -> None:
    row = directory().row("openai")
    assert (row.vendor.format_of("gpt-4o"), row.vendor.format_of("o3")) == (
        "openai_chat", "openai_responses",
    )  # fmt: skip
    for wire in ("openai_chat", "openai_responses"):
        row = directory(f'[providers.openai]\nformat = "{wire}"').row("openai")
        assert (row.vendor.format_of("gpt-4o"), row.vendor.format_of("o3")) == (wire, wire)
        assert row.vendor.display_name == "OpenAI"


def test_what_goes_by_the_format_is_that_of_the_format_that_is_named() -> None:
    as_chat = directory('[providers.anthropic]\nformat = "openai_chat"').row("anthropic").vendor
    assert not {"prompt_caching", "document_citations"} & set(as_chat.capabilities)
    assert {"embeddings", "images"} <= set(as_chat.capabilities)
    as_messages = directory('[providers.openai]\nformat = "anthropic"').row("openai").vendor
    assert {"prompt_caching", "images"} <= set(as_messages.capabilities)
    assert "embeddings" not in as_messages.capabilities


def test_an_unknown_name_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(ProviderNotFound) as caught:
        directory().row("opena")
    assert caught.value.hint == "Did you mean `openai`?"


def test_what_runs_on_this_machine_has_no_address(start: Start) -> None:
    given = ProviderSettings(base_url="http://127.0.0.1:1", model="demo")
    found = Directory(Config(providers={"local": given}), scripted=False)
    [problem] = found.problems
    assert "providers.local.base_url" in problem
    assert found.row("local").base_url is None
    params = {"provider": "local", "base_url": "http://127.0.0.1:1"}
    answer = start().call("configure_provider", params, LIMIT_S)
    assert answer["error"]["data"]["path"] == "$.base_url"


def test_the_active_one_falls_back_to_one_that_exists() -> None:
    made = directory('active = { provider = "groq", model = "m" }')
    assert made.active == Active(provider="groq", model="m")
    made.active = Active(provider="gone")
    assert made.active.provider == "groq"
    assert directory('active = { provider = "gone" }').active == Active(
        provider="local", model="demo"
    )


# --- through a real sidecar ----------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[RawServer]:
    body = b'{"object":"list","data":[{"id":"m1"}]}'
    with serving(lambda each: each.answer(body, content_type="application/json")) as found:
        yield found


def rows(peer: Peer) -> dict[str, Json]:
    listed = peer.call("list_ai_providers", {}, LIMIT_S)["result"]["providers"]
    return {each["name"]: each for each in listed}


def set_provider(peer: Peer, name: str, **fields: Any) -> Json:  # noqa: ANN401 - any JSON
    return peer.call("configure_provider", {"provider": name, **fields}, LIMIT_S)


def test_no_request_leaves_with_a_key_that_is_not_for_its_address(
    start: Start, server: RawServer
) -> None:
    peer = start(GROQ_API_KEY=KEY, OPENAI_COMPATIBLE_API_KEY=KEY)
    for name in ("groq", "openai-compatible"):
        assert "result" in set_provider(peer, name, base_url=server.url)
        given = {"provider": name, "request": ask()}
        for method, sent in (
            ("call_ai_provider", given),
            ("stream_ai_provider", given),
            ("list_models", {"provider": name}),
        ):
            answer = peer.call(method, sent, LIMIT_S)
            assert answer["error"]["data"]["kind"] == "key_origin_mismatch", (name, method)
        tested = peer.call("test_provider_connection", {"provider": name}, LIMIT_S)["result"]
        assert tested["error"]["data"]["kind"] == "key_origin_mismatch"
        assert KEY not in str(rows(peer))
    assert server.connections == []


def test_a_key_in_the_test_itself_is_used_once_and_at_that_address(
    start: Start, server: RawServer
) -> None:
    peer = start(GROQ_API_KEY=KEY)
    set_provider(peer, "groq", base_url=server.url)
    given = {"provider": "groq", "api_key": "just this once"}
    assert peer.call("test_provider_connection", given, LIMIT_S)["result"]["ok"]
    assert b"Bearer just this once" in server.requests[0]
    assert "error" in peer.call("list_models", {"provider": "groq"}, LIMIT_S)
    assert len(server.requests) == 1


def test_the_address_in_the_file_gets_the_key(
    start: Start, server: RawServer, tmp_path: Path
) -> None:
    configure(tmp_path / "home", groq={"base_url": server.url})
    models = start(GROQ_API_KEY=KEY).call("list_models", {"provider": "groq"}, LIMIT_S)
    assert [each["id"] for each in models["result"]["models"]] == ["m1"]
    assert b"Bearer " + KEY.encode() in server.requests[0]


def test_what_is_set_outlives_a_restart_and_null_sets_it_back(start: Start) -> None:
    peer = start()
    before = rows(peer)
    set_provider(peer, "groq", model="m", base_url="https://a.example/", temperature=0.5)
    set_provider(peer, "own", format="openai_chat", base_url="http://localhost:1")
    peer.call("set_active_provider", {"provider": "own", "model": "x"}, LIMIT_S)
    after = rows(peer)
    peer.close()
    peer = start()
    assert rows(peer) == after
    assert after["groq"]["defaults"] == {"model": "m", "temperature": 0.5}
    assert after["groq"]["base_url"] == "https://a.example"
    assert after["own"]["active"]
    set_provider(peer, "groq", model=None, base_url=None)
    set_provider(peer, "groq", temperature=None)
    peer.call("set_active_provider", {"provider": "local", "model": "demo"}, LIMIT_S)
    peer.close()
    again = rows(start())
    assert {name: row for name, row in again.items() if name != "own"} == before


def test_settings_that_come_close_together_are_all_kept_in_their_order(start: Start) -> None:
    peer = start()
    waiting = set()
    for number in range(20):
        changes: tuple[Json, Json] = ({"model": f"m{number}"}, {"max_tokens": number + 1})
        for each in changes:
            waiting.add(peer.request("configure_provider", {"provider": "groq", **each}))
    while waiting:
        [*_, answer] = peer.messages_until(lambda message: "id" in message, LIMIT_S)
        assert "result" in answer
        waiting.remove(answer["id"])
    peer.close()
    kept = rows(start())["groq"]["defaults"]
    assert kept == {"model": "m19", "max_tokens": 20}


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_the_home_is_the_owners_alone(start: Start, tmp_path: Path) -> None:
    set_provider(start(), "groq", model="m")
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "sidecar.db").stat().st_mode & 0o777 == 0o600


def broken(home: Path, how: str) -> None:
    path = home / "sidecar.db"
    if how == "no database":
        path.write_bytes(b"hello" * 1000)
        return
    connection = sqlite3.connect(path)
    with connection:
        if how == "newer":
            connection.execute("PRAGMA user_version = 99")
        else:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", ROWS[how])
    connection.close()


ROWS: dict[str, tuple[str, object]] = {
    "not JSON": ("provider:xai", b"{"),
    "not UTF-8": ("provider:xai", b'{"model":"\xff"}'),
    "a wrong type": ("provider:xai", b'{"model":5}'),
    "no bytes": ("active", 5),
    "a wrong active one": ("active", b"[]"),
    "an unsafe address": ("provider:xai", b'{"base_url":"http://[bad"}'),
}


@pytest.mark.parametrize("how", ["no database", "newer", *ROWS])
def test_a_database_that_is_broken_is_told_and_the_sidecar_starts(
    start: Start, tmp_path: Path, how: str
) -> None:
    peer = start()
    set_provider(peer, "groq", model="kept")
    peer.close()
    broken(tmp_path / "home", how)
    peer = start()
    problems = peer.call("initialize", {}, LIMIT_S)["result"]["problems"]
    assert len(problems) == 1, problems
    listed = rows(peer)
    assert "defaults" not in listed["xai"]
    assert listed["xai"]["base_url"] == "https://api.x.ai/v1"
    assert ("defaults" in listed["groq"]) == (how in ROWS)
    answer = set_provider(peer, "mistral", model="m")
    assert ("result" in answer) == (how in ROWS), answer
    assert how in ROWS or answer["error"]["data"]["kind"] == "storage"


# --- which addresses a provider may have, and when two are the same place ---


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example", "https://a.example"),
        (" https://a.example/v1// ", "https://a.example/v1"),
        ("HTTPS://A.example:8443/v1", "HTTPS://A.example:8443/v1"),
        ("http://localhost:1/v1", "http://localhost:1/v1"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[::1]:1/v1/", "http://[::1]:1/v1"),
    ],
)
def test_an_address_that_is_safe_is_taken(url: str, kept: str) -> None:
    assert checked_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "ftp://a.example", "file:///etc/passwd", "javascript:alert(1)",
        "https://", "https:///v1", "https://a.example:99999", "https://a.example:0", "https://[::1",
        "http://a.example", "http://localhost.a.example", "http://127.0.0.1.a.example",
        "http://127.1", "http://2130706433", "http://0.0.0.0:1", "http://169.254.169.254/latest",
        "https://user@a.example", "https://user:pass@a.example", "https://@a.example",
        "https://a.example/v1?x=1", "https://a.example/v1?", "https://a.example/#x",
        "https://a.example/#", "https://a.example\\@b.example", "https://a.ex\nample/v1",
        "https://a.example/\tv1", "https://a.example/v 1", "https://a.example/\x00",
        "https://a.example\\b",
    ],
)  # fmt: skip
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_url(url)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example", "HTTPS://A.EXAMPLE:443/v1/x"),
        ("http://localhost", "http://LOCALHOST:80"),
        ("http://[::1]:5/", "http://[::1]:5/v1"),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str) -> None:
    assert origin(one) == origin(other)


@pytest.mark.parametrize(
    "other", ["http://a.example", "https://a.example:444", "https://b.a.example"]
)
def test_another_scheme_host_or_port_is_another_origin(other: str) -> None:
    assert origin(other) != origin("https://a.example")


def test_a_variable_that_a_row_has_no_more_holds_a_key_all_the_same() -> None:
    found = directory('[providers.openai]\nkey_variable = "CORP_KEY"').key_variables
    assert {"CORP_KEY", "OPENAI_API_KEY", "GROQ_API_KEY"} <= found


def test_a_key_that_config_toml_names_for_an_address_is_for_that_address_alone() -> None:
    address = 'base_url = "https://corp.example/v1"'
    row = directory(f'[providers.openai]\nkey_variable = "CORP_KEY"\n{address}').row("openai")
    assert row.key_origins == {"https://corp.example:443"}
    row = directory(f"[providers.openai]\n{address}").row("openai")
    assert row.key_origins == {"https://corp.example:443", "https://api.openai.com:443"}

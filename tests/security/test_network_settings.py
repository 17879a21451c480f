"""The threat: a front end that was taken over, and the way that requests take.

It can't choose a proxy, a CA or anything else of the network, and it learns no proxy's login.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.contract import METHODS
from tests.conftest import Start
from tests.providers.network.surroundings import HOST, IN_A_URL, LOGIN, basic
from tests.providers.raw_server import Connection, serving
from tests.providers.sidecars import LIMIT_S, ask, stream, until_end

WORDS = ("proxy", "proxies", "ca_file", "ca", "cert", "tls", "ssl", "verify", "trust", "network")
LOGINS = (
    LOGIN[1],
    IN_A_URL.partition(":")[2],
    IN_A_URL,
    basic(LOGIN),
    basic(LOGIN).partition(" ")[2],
)


def names(schema: object) -> Iterator[str]:
    """Every name of a property in a JSON Schema."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties":
                yield from value
            yield from names(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from names(each)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_no_method_of_the_contract_takes_anything_about_the_network(method: str) -> None:
    schemas, components = msgspec.json.schema_components([METHODS[method].params])
    found = {part for name in names([schemas, components]) for part in (name, *name.split("_"))}
    assert not found & set(WORDS)


@pytest.mark.parametrize("field", ["proxy", "ca_file", "network", "no_proxy", "verify"])
@pytest.mark.parametrize("where", ["configure_provider", "request", "extra"])
def test_what_is_tried_all_the_same_changes_no_way(
    start: Start, tmp_path: Path, field: str, where: str
) -> None:
    with serving(Connection.hang_up) as attackers:
        address = f"http://127.0.0.1:{attackers.port}"
        (tmp_path / "home").mkdir(mode=0o700)
        (tmp_path / "home" / "config.toml").write_text("[network]\nproxy = 'http://127.0.0.1:1'\n")
        peer = start(GROQ_API_KEY="a-key-for-nobody-0123456789")
        if where == "configure_provider":
            answer = peer.call(where, {"provider": "groq", field: address}, LIMIT_S)
            assert answer["error"]["code"] == -32602
        more: dict[str, Any] = {"request": {field: address}, "extra": {"extra": {field: address}}}
        params = {"provider": "groq", "request": {**ask(), **more.get(where, {})}}
        answer = peer.call("call_ai_provider", params, LIMIT_S)
        assert "The proxy http://127.0.0.1:1 can't be" in json.dumps(answer) or (
            where == "request" and answer["error"]["code"] == -32602
        )
        assert attackers.connections == []


@pytest.mark.parametrize("named", ["variable", "network", "provider"])
def test_a_proxy_s_login_is_in_no_answer_no_error_and_no_log(
    start: Start, tmp_path: Path, named: str
) -> None:
    def quotes(connection: Connection) -> None:
        [line] = [each for each in connection.lines() if each.startswith("proxy-authorization")]
        quoted = line.encode()
        connection.answer(quoted, status=f"407 {line}", x_quoted=line, proxy_authenticate=line)

    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir(mode=0o700)
    with serving(quotes) as proxy, log.open("wb") as stderr:
        address = f"http://{IN_A_URL}@127.0.0.1:{proxy.port}"
        row = f"[providers.raw]\nformat = 'openai_chat'\nbase_url = 'https://{HOST}/v1'\n"
        text = {
            "variable": row,
            "network": f"[network]\nproxy = '{address}'\nno_such_key = 1\n{row}",
            "provider": f"{row}proxy = '{address}'\n",
        }[named]
        (home / "config.toml").write_text(text, encoding="utf-8")
        variables = {"HTTPS_PROXY": address} if named == "variable" else {}
        peer = start(stderr=stderr.fileno(), AI_SIDECAR_LOG="DEBUG", **variables)
        told = [peer.call("initialize", {}, LIMIT_S)]
        stream(peer, "raw", ask())
        told.append(until_end(peer)[1])
        for method, params in (
            ("test_provider_connection", {"provider": "raw"}),
            ("list_ai_providers", {}),
            ("attach_execution", {"execution_id": "e1"}),
            ("list_audit_events", {}),
        ):
            told.append(peer.call(method, params, LIMIT_S))
        peer.close()
        assert proxy.requests
    everything = json.dumps(told, ensure_ascii=False) + log.read_text(encoding="utf-8")
    assert "does not take this user name and password (407)" in everything
    assert [login for login in LOGINS if login in everything] == []


def test_a_proxy_s_login_that_is_misspelt_is_not_quoted(start: Start, tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir(mode=0o700)
    address = "http://ada:hunter2#@proxy.example:80"
    text = f"[network]\nproxy = '{address}'\n[providers.groq]\nproxy = '{address}'\n"
    (home / "config.toml").write_text(text, encoding="utf-8")
    with log.open("wb") as stderr:
        peer = start(stderr=stderr.fileno(), ALL_PROXY=address)
        hello = peer.call("initialize", {}, LIMIT_S)["result"]
        peer.close()
    assert len(hello["problems"]) == 3
    assert "hunter2" not in json.dumps(hello) + log.read_text(encoding="utf-8")

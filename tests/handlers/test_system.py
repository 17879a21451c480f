from __future__ import annotations

from pathlib import Path

from sidecar import PROTOCOL_VERSION, __version__, contract
from tests.conftest import Start
from tests.providers.sidecars import LIMIT_S
from tests.streams import line, rest


def test_hello_is_answered_with_all_that_a_client_wants_to_know(
    start: Start, tmp_path: Path
) -> None:
    peer = start()
    given = {"client": {"name": "test", "version": "1"}}
    found = peer.call("initialize", given, LIMIT_S)["result"]
    home = tmp_path / "home"
    assert found == {
        "server": {"name": "ai-sidecar", "version": __version__},
        "protocol_version": PROTOCOL_VERSION,
        "capabilities": sorted(contract.METHODS),
        "key_store": {
            "stores": [
                {"name": "keyring", "state": "unknown"},
                {
                    "name": "vault",
                    "state": "missing",
                    "detail": "There is none.",
                    "hint": "The app can make one, by create_vault.",
                },
                {"name": "environment", "state": "ready"},
            ]
        },
        "paths": {"home": str(home), "config": str(home / "config.toml")},
        "problems": [],
    }
    assert peer.call("initialize", given, LIMIT_S)["result"] == found


def test_hello_is_not_needed(start: Start) -> None:
    assert start().call("ping", {}, LIMIT_S)["result"] == {}


def test_shutdown_answers_what_came_before_it_and_then_ends(start: Start) -> None:
    peer = start()
    requests = [line("ping", {}, number) for number in range(500)]
    peer.send(b"".join(requests) + line("shutdown", {}, "end"))
    assert [each["id"] for each in rest(peer)] == [*range(500), "end"]
    assert peer.wait(LIMIT_S) == 0


def test_a_shutdown_that_is_a_notification_ends_it_too(start: Start) -> None:
    peer = start()
    peer.send(b'{"jsonrpc":"2.0","method":"shutdown"}\n')
    assert rest(peer) == []
    assert peer.wait(LIMIT_S) == 0

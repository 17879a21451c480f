"""The threat: the window was taken over, and its scripts call every method with every text.

They want a key: on stdout, in a file or a log that they may read, or sent to a server of theirs.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sidecar.contract import METHODS
from sidecar.rpc.methods import Method
from sidecar.rpc.params import decode_params
from tests.security import planted_method
from tests.security.attacks import Schema, Values, attacks
from tests.security.besieged import Besieged, besieged
from tests.security.canary import HIDDEN, PASTED
from tests.security.values import values


def values_for(siege: Besieged) -> Values:
    return values(siege.home, siege.servers.hostile.url, siege.servers.elsewhere.url)


@pytest.mark.parametrize("name", METHODS)
def test_no_text_that_a_method_takes_brings_a_key_out(siege: Besieged, name: str) -> None:
    attempted = attacks(name, METHODS[name], values_for(siege), siege.turn)
    answers = siege.attack(attempted)
    accepted = [
        (each.path, answer)
        for each, answer in zip(attempted, answers, strict=True)
        if each.pasted and answer.get("error", {}).get("code") != -32602
    ]
    assert accepted == [], "a key that is kept was taken where no key belongs"
    siege.reopen()
    assert siege.hunt() == []
    assert HIDDEN.value in siege.heard_by_the_model(), "the attacks went into the void"


def test_a_key_that_was_pasted_into_a_request_goes_to_no_provider(siege: Besieged) -> None:
    before = len(siege.servers.hostile.requests)
    chat = METHODS["call_ai_provider"]
    siege.attack(
        each for each in attacks("call_ai_provider", chat, values_for(siege)) if each.pasted
    )
    assert siege.servers.hostile.requests[before:] == []


@pytest.mark.parametrize("form", ["plain", "escaped", "in a batch", "as a notification"])
def test_a_pasted_key_is_known_however_the_line_is_written(siege: Besieged, form: str) -> None:
    before = len(siege.servers.hostile.requests)
    request = {"model": "m", "messages": [{"role": "user", "content": f"a {PASTED.value} b"}]}
    call = {
        "jsonrpc": "2.0",
        "id": form,
        "method": "call_ai_provider",
        "params": {"request": request},
    }
    if form == "as a notification":
        del call["id"]
    text = json.dumps([call] if form == "in a batch" else call)
    if form == "escaped":
        text = text.replace(PASTED.value, "".join(f"\\u{ord(each):04x}" for each in PASTED.value))
    siege.peer.send(text.encode() + b"\n")
    if form != "as a notification":
        answer = siege.next_answer()
        [answer] = answer if isinstance(answer, list) else [answer]
        assert answer["error"]["code"] == -32602, answer
    assert siege.call("ping") == {"jsonrpc": "2.0", "id": siege.last_id, "result": {}}
    assert siege.servers.hostile.requests[before:] == []
    assert siege.hunt() == []


@pytest.mark.parametrize(
    "id_", [PASTED.value, "{api_key}", "\r\nx: y", "a\0b", "x" * 20_000, 1e300, -7, "'; --"]
)
def test_an_id_comes_back_as_it_came_and_brings_nothing_with_it(
    siege: Besieged, id_: object
) -> None:
    line = {"jsonrpc": "2.0", "id": id_, "method": "list_api_keys", "params": {}}
    siege.peer.send(json.dumps(line).encode() + b"\n")
    assert siege.next_answer()["id"] == id_
    assert siege.hunt() == []


@pytest.mark.parametrize("kind", values(Path("home"), "http://127.0.0.1:1", "http://127.0.0.1:2"))
def test_the_name_of_a_method_brings_nothing_out(siege: Besieged, kind: str) -> None:
    for answer in siege.ask((value, {}) for value in values_for(siege)[kind]):
        assert answer["error"]["code"] in (-32601, -32602, -32600, -32700), answer
    assert siege.hunt() == []


@pytest.mark.parametrize("name", METHODS)
def test_the_attacks_are_valid_but_for_the_attack(name: str) -> None:
    # Else they would all be refused at the door, and what lies behind it would not be attacked.
    # A type with rules beyond its schema belongs into attacks._RULES.
    schema = Schema(name, METHODS[name])
    decode_params(METHODS[name].params, msgspec.Raw(msgspec.json.encode(schema.valid())))
    for place in schema.places():
        if place.benign is not None:
            params = place.build(place.benign)
            decode_params(METHODS[name].params, msgspec.Raw(msgspec.json.encode(params)))


def test_texts_are_found_however_deep_they_lie() -> None:
    paths = {each.path for each in Schema("call_ai_provider", METHODS["call_ai_provider"]).places()}
    message = "$.request.messages[0]"
    assert paths >= {
        "$.provider", "$.execution_id", "$.block_id", "$.request.model", f"{message}.role",
        f"{message}.content", f"{message}.content[0].text", f"{message}.content[0].url",
        f"{message}.content[0].filename", f"{message}.tool_calls[0].arguments",
        f"{message}.reasoning[0].signature", "$.request.tools[0].parameters.any",
        "$.request.tools[0].parameters.(name)", "$.request.tool_choice.name",
        "$.request.stop_sequences[0]", "$.request.metadata.(name)", "$.request.metadata.any",
        "$.request.extra.any", "$.request.response_format.schema.any",
        "$.request.timeouts.idle_ms", "$.request.unknown", "$.unknown", "$.(name)",
    }  # fmt: skip


def test_a_method_that_is_added_to_the_table_is_attacked_and_its_leak_found() -> None:
    table = METHODS | {"export_report": planted_method.METHOD}
    assert isinstance(table["export_report"], Method)
    with besieged("memory", planted_method.PLANT) as siege:
        siege.lay_canaries("hostile")
        siege.attack(attacks("export_report", table["export_report"], values_for(siege)))
        found = {(finding.place, finding.lies_in) for finding in siege.hunt()}
    assert found == {("stdout", HIDDEN.lies_in)}

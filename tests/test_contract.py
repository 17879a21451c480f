"""The committed contract is the table's, and what is really sent keeps to it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from sidecar import contract
from sidecar.rpc import documents, openrpc
from tests.conftest import ROOT, Start
from tests.providers.sidecars import LIMIT_S, is_end
from tests.streams import HELLO, Json, Write, begin, params

PROTOCOL = ROOT / "protocol"
OPENRPC: Json = openrpc.document(contract.METHODS, contract.NOTIFICATIONS)


@pytest.mark.parametrize(("form", "name"), documents.FILES.items())
def test_the_committed_file_is_what_the_table_gives(form: str, name: str) -> None:
    committed = (PROTOCOL / name).read_text(encoding="utf-8")
    if committed != documents.FORMS[form](contract.METHODS, contract.NOTIFICATIONS):
        pytest.fail(f"protocol/{name} is not what the table gives; run scripts/gen_contract")


@pytest.mark.parametrize(("form", "name"), documents.FILES.items())
def test_the_command_line_prints_it(form: str, name: str) -> None:
    command = [sys.executable, "-m", "sidecar", "contract", form]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, timeout=30)
    assert done.stdout == (PROTOCOL / name).read_bytes()


def test_every_method_refuses_parameters_that_it_does_not_know() -> None:
    for name, method in contract.METHODS.items():
        assert method.params.__struct_config__.forbid_unknown_fields, name  # type: ignore[attr-defined]


def test_the_sidecar_itself_tells_the_same(start: Start) -> None:
    answer = start().call("rpc.discover", {}, LIMIT_S)
    assert answer["result"] == json.loads((PROTOCOL / "openrpc.json").read_text(encoding="utf-8"))


def validator(schema: Json) -> Draft202012Validator:
    return Draft202012Validator({**OPENRPC, **schema})


def result_of(method: str) -> Draft202012Validator:
    [row] = [each for each in OPENRPC["methods"] if each["name"] == method]
    return validator(row["result"]["schema"])


def params_of(notification: str) -> Draft202012Validator:
    rows = OPENRPC["x-notifications"]
    [row] = [each for each in rows if each["name"] == notification]
    return validator(row["params"])


EVERYTHING = """
{"reasoning":"hm"}
{"content":"Hi","citations":[{"url":"https://a.example","start_index":0,"end_index":2}]}
{"tool_calls":[{"index":0,"id":"c","name":"f"}]}
{"tool_calls":[{"index":0,"arguments":"{}"}]}
{"refusal":"no","finish_reason":"tool_calls","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}
"""


@pytest.fixture
def scripts(script: Write) -> str:
    script("everything", EVERYTHING)
    script("fails", '{"content":"x"}\n{"error":{"kind":"rate_limited","message":"No."}}')
    script("hang", '{"hang":true}')
    return str(script("hello", HELLO))


def test_what_is_answered_keeps_to_its_schema(start: Start, scripts: str) -> None:
    peer = start("--scripted", scripts)
    begin(peer, "hang", "h", block_id="b")
    asked: list[tuple[str, Json]] = [
        ("initialize", {"client": {"name": "test"}}),
        ("ping", {}),
        ("rpc.discover", {}),
        ("call_ai_provider", params("everything", "e")),
        ("call_ai_provider", params("everything", "a", output="agent_block")),
        ("stream_ai_provider", params("hello", "s")),
        ("list_executions", {"include_ended": True}),
        ("attach_execution", {"execution_id": "h"}),
        ("attach_execution", {"execution_id": "a"}),
        ("cancel_execution", {"execution_id": "h"}),
        ("list_ai_providers", {}),
        ("list_models", {}),
        ("list_models", {"provider": "scripted"}),
        ("test_provider_connection", {"provider": "scripted"}),
        ("test_provider_connection", {"provider": "groq"}),
        ("embed", {"provider": "scripted", "model": "any", "input": ["a", "b"]}),
        ("count_tokens", params("hello")),
        ("configure_provider", {"provider": "groq", "model": "m", "timeouts": {"idle_ms": 5}}),
        ("set_active_provider", {"provider": "scripted", "model": "hello"}),
        ("get_active_provider", {}),
        ("create_vault", {"password": "a password"}),
        ("set_api_key", {"provider": "groq", "api_key": "a key"}),
        ("set_api_key", {"provider": "groq", "api_key": "another", "store": "memory"}),
        ("list_api_keys", {}),
        ("lock_vault", {}),
        ("unlock_vault", {"password": "a password"}),
        ("change_vault_password", {"password": "a password", "new_password": "a new one"}),
        ("list_audit_events", {}),
        ("verify_audit", {}),
        ("delete_api_key", {"provider": "groq"}),
        ("shutdown", {}),
    ]
    for method, given in asked:
        answer = peer.call(method, given, LIMIT_S)
        assert "result" in answer, (method, answer)
        result_of(method).validate(answer["result"])
    assert {method for method, _ in asked} == set(contract.METHODS)


@pytest.mark.parametrize("output", ["response", "agent_block"])
def test_what_is_told_keeps_to_its_schema(start: Start, scripts: str, output: str) -> None:
    peer = start("--scripted", scripts)
    for model in ("everything", "fails"):
        begin(peer, model, model, block_id="b", output=output)
        for message in peer.messages_until(lambda each, id_=model: is_end(each, id_), LIMIT_S):  # type: ignore[misc]
            params_of(message["method"]).validate(message["params"])


def test_errors_keep_to_their_schema(start: Start, scripts: str) -> None:
    peer = start("--scripted", scripts)
    schema = validator({"$ref": "#/components/schemas/ErrorObject"})
    for method, given in [
        ("nothing", {}),
        ("ping", {"a": 1}),
        ("call_ai_provider", params("fails")),
        ("call_ai_provider", params("none")),
        ("list_models", {"provider": "groq"}),
    ]:
        answer = peer.call(method, given, LIMIT_S)
        schema.validate(answer["error"])
        known = OPENRPC["components"]["errors"].values()
        named = {(each["code"], each["data"]["kind"]) for each in known}
        assert (answer["error"]["code"], answer["error"]["data"]["kind"]) in named

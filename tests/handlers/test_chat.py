"""Call, stream, cancel, list, attach: as a client on the pipe sees them."""

from __future__ import annotations

import json
import os
import signal
import time

import psutil
import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start, needs_llama_cpp
from tests.providers.sidecars import LIMIT_S, Json, ask, is_end, nothing_more, until_end
from tests.streams import (
    HANG,
    HELLO,
    PACED,
    SILENT,
    Write,
    answer_to,
    assert_whole,
    begin,
    chunk_of,
    line,
    of,
    params,
)

FAILS = '{"error":{"kind":"rate_limited","message":"No.","status":429}}'


@pytest.fixture
def peer(start: Start, script: Write) -> Peer:
    script("hang", HANG)
    script("silent", SILENT)
    script("paced", '{"pace_ms":5}\n{"content":"a","repeat":20}')
    script("endless", PACED)
    script("fails", FAILS)
    script("fails_later", '{"content":"x"}\n' + FAILS)
    script("breaks", '{"content":"x"}\n{"truncate":true}')
    script("wrong", '{"contnet":"x"}')
    script("tools", '{"tool_calls":[{"index":0,"id":"c","name":"f","arguments":"{}"}]}')
    return start("--scripted", str(script("hello", HELLO)))


def until(peer: Peer, execution_id: str = "e1") -> list[Json]:
    return peer.messages_until(lambda each: is_end(each, execution_id), LIMIT_S)


# --- streams -------------------------------------------------------------------------------------


def test_a_stream_is_acknowledged_then_told_then_ended(peer: Peer) -> None:
    peer.send(line("stream_ai_provider", params("hello", "e1", block_id="b")))
    first, *told = until(peer)
    assert first == {"jsonrpc": "2.0", "id": 1, "result": {"execution_id": "e1"}}
    end = assert_whole(of(told))
    assert len(of(told)) == len(told) == 4
    assert {each["block_id"] for each in of(told)} == {"b"}
    assert (end["finish_reason"], end["response"]["content"]) == ("stop", "Hello")
    nothing_more(peer)


@pytest.mark.parametrize(
    ("model", "kind", "content"),
    [
        ("fails", "rate_limited", ""),
        ("fails_later", "rate_limited", "x"),
        ("breaks", "truncated_stream", "x"),
        ("wrong", "config", ""),
        ("none", "model_not_found", ""),
    ],
)
def test_a_failure_comes_in_the_end_with_what_was_said(
    peer: Peer, model: str, kind: str, content: str
) -> None:
    peer.send(line("stream_ai_provider", params(model, "e1")))
    first, *told = until(peer)
    assert first["result"] == {"execution_id": "e1"}
    end = assert_whole(of(told))
    assert (end["finish_reason"], end["response"]["content"]) == ("error", content)
    assert end["error"]["data"]["kind"] == kind
    assert end["error"]["data"]["execution_id"] == "e1"
    nothing_more(peer)


def test_an_id_of_the_sidecars_own_is_told(peer: Peer) -> None:
    answers = [peer.call("stream_ai_provider", params("hang"), LIMIT_S) for _ in range(2)]
    assert len({answer["result"]["execution_id"] for answer in answers}) == 2


def test_streams_in_a_batch_are_named_and_told(peer: Peer) -> None:
    members = [
        line("stream_ai_provider", params("hello", "e1"), 1),
        line("stream_ai_provider", params("hello"), 2),
        line("call_ai_provider", params("hello", "e3"), 3),
        line("nothing", {}, 4),
        b"5",
        line("ping", {}).replace(b'"id": 1, ', b""),
    ]
    peer.send(b"[" + b",".join(members).replace(b"\n", b"") + b"]\n")
    seen: list[Json] = []
    arrays: list[list[Json]] = []
    while not (arrays and seen and is_end(seen[-1])):
        found = json.loads(peer.receive(LIMIT_S) or b"")
        (arrays if isinstance(found, list) else seen).append(found)
    assert assert_whole(of(seen))["response"]["content"] == "Hello"
    [answers] = arrays
    assert answers[0]["result"] == {"execution_id": "e1"}
    assert answers[1]["error"]["data"]["path"] == "$.execution_id"
    assert answers[2]["result"]["content"] == "Hello"
    assert [each["id"] for each in answers] == [1, 2, 3, 4, None]
    assert [each["error"]["code"] for each in answers[3:]] == [-32601, -32600]


@pytest.mark.parametrize("id_", ["1.0", "1e5", '"1"', "-0", "null", '"\\ud83d\\ude00"', "9" * 40])
def test_an_id_comes_back_as_it_was_sent_however_late(peer: Peer, id_: str) -> None:
    for model in ("hello", "paced", "fails"):
        sent = line("call_ai_provider", params(model, f"call {model}"), "ID")
        peer.send(sent.replace(b'"ID"', id_.encode()))
        found = peer.receive(LIMIT_S) or b""
        assert found.endswith(b',"id":' + id_.encode() + b"}"), found


# --- calls ---------------------------------------------------------------------------------------


def test_a_call_is_answered_when_it_is_done_and_others_meanwhile(peer: Peer) -> None:
    peer.send(line("call_ai_provider", params("paced", "e1"), 1) + line("ping", {}, 2))
    first, second = peer.messages_until(answer_to(1), LIMIT_S)
    assert first["id"] == 2
    assert second["result"]["content"] == "a" * 20
    assert second["result"]["message"] == {"role": "assistant", "content": "a" * 20}


def test_a_call_that_streams_tells_all_of_it_before_its_answer(peer: Peer) -> None:
    given = params("hello", "e1")
    given["request"]["stream"] = True
    peer.send(line("call_ai_provider", given))
    *told, answer = peer.messages_until(answer_to(1), LIMIT_S)
    end = assert_whole(of(told))
    assert answer["result"] == end["response"]


@pytest.mark.parametrize("model", ["fails", "none", "breaks", "wrong"])
def test_a_call_that_fails_answers_with_the_error(peer: Peer, model: str) -> None:
    answer = peer.call("call_ai_provider", params(model, "e1"), LIMIT_S)
    assert answer["error"]["data"]["execution_id"] == "e1"
    assert answer["error"]["data"]["hint"]


def test_an_agent_block_has_every_field_that_an_editor_binds_to(peer: Peer) -> None:
    given = params("hello", "e1", output="agent_block", block_id="b")
    found = peer.call("call_ai_provider", given, LIMIT_S)["result"]
    found.pop("timing")
    assert found == {
        "content": "Hello", "model": "hello", "provider": "scripted", "execution_id": "e1",
        "tokens": {"prompt": 0, "completion": 0, "total": 0}, "tool_calls": [], "block_id": "b",
        "finish_reason": "stop",
    }  # fmt: skip
    begin(peer, "tools", "e2", output="agent_block")
    _, end = until_end(peer, "e2")
    assert end["response"]["tool_calls"] == [{"id": "c", "name": "f", "arguments": "{}"}]


# --- cancel --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["stream_ai_provider", "call_ai_provider"])
def test_a_cancel_on_the_very_next_line_finds_it(peer: Peer, method: str) -> None:
    for number in range(50):
        given, name = params("hang", f"e{number}"), {"execution_id": f"e{number}"}
        peer.send(line(method, given, "run") + line("cancel_execution", name, "cancel"))
        seen = peer.messages_until(answer_to("cancel"), LIMIT_S)
        assert seen[-1]["result"] == {"cancelled": True}
        if method == "call_ai_provider":
            if not any(map(answer_to("run"), seen)):
                seen += peer.messages_until(answer_to("run"), LIMIT_S)
            [answer] = filter(answer_to("run"), seen)
            assert answer["error"]["code"] == -32800
            assert answer["error"]["data"]["execution_id"] == f"e{number}"
        else:
            if not any(is_end(each, f"e{number}") for each in seen):
                seen += until(peer, f"e{number}")
            assert assert_whole(of(seen, f"e{number}"))["finish_reason"] == "cancelled"
    nothing_more(peer)


@pytest.mark.parametrize("model", ["hang", "silent"])
def test_a_cancel_is_told_once_and_is_never_an_error(peer: Peer, model: str) -> None:
    begin(peer, model)
    if model == "hang":
        peer.messages_until(chunk_of(), LIMIT_S)
    name = {"execution_id": "e1"}
    peer.send(b"".join(line("cancel_execution", name, number) for number in (1, 2)))
    seen = peer.messages_until(answer_to(2), LIMIT_S)
    assert [each["result"]["cancelled"] for each in seen if "id" in each] == [True, False]
    if not of(seen):
        seen += until(peer)
    [end] = of(seen)
    assert end["finish_reason"] == "cancelled"
    assert "error" not in end
    nothing_more(peer)


def test_a_cancel_after_the_end_changes_nothing(peer: Peer) -> None:
    begin(peer, "hello")
    until(peer)
    name = {"execution_id": "e1"}
    assert peer.call("cancel_execution", name, LIMIT_S)["result"] == {"cancelled": False}
    assert peer.call("attach_execution", name, LIMIT_S)["result"]["state"] == "done"


# --- finding it again ----------------------------------------------------------------------------


def test_attaching_on_the_way_goes_on_where_it_is(peer: Peer) -> None:
    begin(peer, "endless")
    peer.messages_until(chunk_of(), LIMIT_S)
    found = peer.call("attach_execution", {"execution_id": "e1"}, LIMIT_S)["result"]
    assert found["state"] == "streaming"
    told = peer.messages_until(chunk_of(), LIMIT_S)
    peer.request("cancel_execution", {"execution_id": "e1"})
    *chunks, end = of(told + until(peer))
    assert [each["seq"] for each in chunks] == list(range(found["seq"] + 1, end["seq"]))
    rest = "".join(each["chunk"].get("content", "") for each in chunks)
    assert rest
    assert found["response"]["content"] + rest == end["response"]["content"]


def test_attaching_afterwards_gives_all_of_it(peer: Peer) -> None:
    begin(peer, "fails_later")
    end = of(until(peer))[-1]
    found = peer.call("attach_execution", {"execution_id": "e1"}, LIMIT_S)["result"]
    assert found == {
        "execution_id": "e1", "state": "failed", "seq": end["seq"], "response": end["response"],
        "error": end["error"],
    }  # fmt: skip


def test_the_list_tells_what_runs_and_if_wanted_what_has_ended(peer: Peer) -> None:
    begin(peer, "hello", "ended")
    until(peer, "ended")
    given = params("silent", "runs", block_id="b")
    given["request"]["metadata"] = {"tab": "3"}
    peer.send(line("call_ai_provider", given, "call"))
    before = time.time_ns() // 1_000_000
    [listed] = peer.call("list_executions", {}, LIMIT_S)["result"]["executions"]
    assert abs(listed.pop("created_at") - before) < 60_000
    assert listed.pop("state") in ("queued", "waiting")
    assert listed == {
        "execution_id": "runs", "provider": "scripted", "model": "silent", "streams": False,
        "seq": 0, "block_id": "b", "metadata": {"tab": "3"},
    }  # fmt: skip
    everything = peer.call("list_executions", {"include_ended": True}, LIMIT_S)["result"]
    assert [each["execution_id"] for each in everything["executions"]] == ["ended", "runs"]


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal of Unix")
def test_a_worker_that_dies_ends_its_stream_once_and_no_other(peer: Peer) -> None:
    needs_llama_cpp()
    begin(peer, "hang", "other")
    peer.messages_until(chunk_of("other"), LIMIT_S)
    given = {"provider": "local", "request": ask("demo", "Hi", max_tokens=5)}
    peer.call("call_ai_provider", given, LIMIT_S)
    [worker] = psutil.Process(peer.process_id).children()
    worker.send_signal(signal.SIGSTOP)  # it is at work, for as long as this test needs
    peer.send(line("stream_ai_provider", given | {"execution_id": "e1"}, "ack"))
    seen = peer.messages_until(lambda message: message.get("id") == "ack", LIMIT_S)
    worker.send_signal(signal.SIGKILL)
    seen += until(peer)
    end = assert_whole(of(seen))
    assert end["error"]["data"]["kind"] == "worker_crashed"
    found = peer.call("attach_execution", {"execution_id": "other"}, LIMIT_S)["result"]
    assert found["state"] == "streaming"
    nothing_more(peer)

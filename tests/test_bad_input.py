"""Whatever a client sends: a clear error, and everything else goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.sidecars import LIMIT_S
from tests.streams import (
    PACED,
    Json,
    Write,
    answer_to,
    assert_whole,
    begin,
    chunk_of,
    line,
    of,
    params,
)

USER = {"role": "user", "content": "hi"}
MIB = 1024 * 1024
LONG = "x" * (8 * MIB)


@dataclass(frozen=True)
class Case:
    """What is sent, and the answer: its id and its result, or its error's code and path."""

    sent: bytes
    code: int | None = None
    path: str | None = None
    id: object = 1
    result: object = None
    hint: str = ""


def asking(request: object, **more: object) -> bytes:
    return line("call_ai_provider", {"provider": "scripted", "request": request, **more})


def chat(**fields: object) -> bytes:
    return asking({"messages": [USER], **fields})


def saying(*messages: object) -> bytes:
    return asking({"messages": list(messages)})


def raw(text: str) -> bytes:
    return text.encode() + b"\n"


def extra(value: str) -> bytes:
    return chat(extra={"a": "HERE"}).replace(b'"HERE"', value.encode())


PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
IN_USE = line("stream_ai_provider", params("beside", "beside"))
UNNAMED = line("stream_ai_provider", params("beside"))
POINTS = "$.request.messages"

GROUPS: dict[str, dict[str, Case]] = {
    "not JSON": {
        "words": Case(b"hello?\n", -32700, id=None, hint="one JSON value a line"),
        "half an object": Case(b'{"jsonrpc":"2.0","id":1\n', -32700, id=None),
        "two values": Case(raw(PING + PING), -32700, id=None),
        "NaN": Case(raw(PING[:-1] + ',"params":{"a":NaN}}'), -32700, id=None),
        "a NUL byte": Case(b"\x00\n", -32700, id=None),
        "a NUL byte in a text": Case(chat(model="m\x00").replace(b"\\u0000", b"\0"), -32700,
                                     id=None),
        "invalid UTF-8": Case(b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}\n', -32700, id=None),
        "UTF-16": Case(PING.encode("utf-16-le") + b"\n", -32700, id=None),
        "a mark not at the start": Case(b"\xef\xbb\xbf" + raw(PING), -32700, id=None),
        "a lone surrogate": Case(chat(model="\ud83d"), -32602, "$.request.model", hint="pair"),
        "one beside an odd id": Case(raw(
            '{"jsonrpc":"2.0","id":1e5,"method":"ping","params":{"a":"\\ud83d"}}'),
            -32602, "$.a", id=1e5),
        "one beside an id beyond all numbers": Case(raw(
            '{"jsonrpc":"2.0","id":1e400,"method":"ping","params":{"a":"\\ud83d"}}'),
            -32602, "$.a", id=float("inf")),
        "one as the id": Case(raw('{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}'), -32602,
                              "$.id", id=None),
    },
    "not a request": {
        "a number": Case(b"7\n", -32600, id=None, hint="jsonrpc"),
        "no version": Case(b'{"id":1,"method":"ping"}\n', -32600),
        "another version": Case(b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n', -32600),
        "no method": Case(b'{"jsonrpc":"2.0","id":1}\n', -32600),
        "a method that is a number": Case(b'{"jsonrpc":"2.0","id":1,"method":5}\n', -32600),
        "an id that is an object": Case(b'{"jsonrpc":"2.0","id":{},"method":"ping"}\n', -32600,
                                        "$.id", id=None),
        "parameters that are a text": Case(raw(PING[:-1] + ',"params":"a"}'), -32600, "$.params"),
        "parameters that are null": Case(raw(PING[:-1] + ',"params":null}'), -32600, "$.params"),
        "parameters by position": Case(raw(PING[:-1] + ',"params":[1]}'), -32602, "$"),
        "an unknown method": Case(line("pnig", {}), -32601, hint="`ping`"),
        "a private method": Case(line("__init__", {}), -32601, hint="rpc.discover"),
        "an empty batch": Case(b"[]\n", -32600, id=None),
        "a huge batch": Case(raw(f"[{','.join([PING] * 1001)}]"), -32600, id=None, hint="1000"),
    },
    "wrong parameters": {
        "nothing": Case(line("call_ai_provider", {}), -32602, "$.request", hint="request"),
        "an unknown one": Case(line("ping", {"loud": True}), -32602, "$.loud"),
        "a misspelled one": Case(chat(temprature=1), -32602, "$.request.temprature",
                                 hint="`temperature`"),
        "a wrong type": Case(chat(temperature="hot"), -32602, "$.request.temperature"),
        "a number beyond all": Case(chat(seed=7).replace(b" 7", b" " + b"9" * 5000), -32602,
                                    "$.request.seed"),
        "no messages": Case(asking({}), -32602, POINTS),
        "an empty array of messages": Case(saying(), -32602, POINTS),
        "messages that are a text": Case(asking({"messages": "hi"}), -32602, POINTS),
        "an unknown role": Case(saying(USER, {"role": "robot", "content": ""}), -32602,
                                f"{POINTS}[1].role", hint="system, user, assistant, tool"),
        "an unknown part": Case(saying({"role": "user", "content": [{"type": "smell"}]}), -32602,
                                f"{POINTS}[0].content[0].type", hint='"type": "image"'),
        "no content": Case(saying({"role": "user"}), -32602, f"{POINTS}[0]"),
        "a tool's answer to nothing": Case(saying({"role": "tool", "content": ""}), -32602,
                                           f"{POINTS}[0]"),
        "an empty execution id": Case(asking({"messages": [USER]}, execution_id=""), -32602,
                                      "$.execution_id"),
        "an unknown output": Case(asking({"messages": [USER]}, output="xml"), -32602, "$.output",
                                  hint="agent_block"),
        "a timeout of nothing": Case(chat(timeouts={"idle_ms": 0}), -32602,
                                     "$.request.timeouts.idle_ms"),
    },
    "what extra cannot set": {
        name: Case(line("stream_ai_provider", {"provider": "scripted", "request": {
            "messages": [USER], "extra": {name: value}}}), -32602, f"$.request.extra.{name}",
            hint=f"`request.{name}`")
        for name, value in (("stream", False), ("messages", []))
    },
    "wrong names": {
        "a provider's": Case(line("call_ai_provider", {"provider": "opnai", "request": {
            "messages": [USER]}}), -33001, "$.provider", hint="`openai`"),
        "a provider's, in capitals": Case(line("list_models", {"provider": "OpenAI"}), -33001,
                                          "$.provider", hint="`openai`"),
        "no key": Case(line("list_models", {"provider": "groq"}), -33002, hint="GROQ_API_KEY"),
        "no model": Case(line("call_ai_provider", {"provider": "lmstudio", "request": {
            "messages": [USER]}}), -32602, "$.request.model", hint="list_models"),
        "no address": Case(line("call_ai_provider", {"provider": "openai-compatible", "request": {
            "model": "m", "messages": [USER]}}), -32602, "$.provider", hint="base_url"),
        "a script's": Case(chat(model="none"), -33018, "$.request.model", hint="beside"),
        "an execution id in use": Case(IN_USE, -32602, "$.execution_id", hint="new id"),
        "a cancel of nothing": Case(line("cancel_execution", {"execution_id": "none"}),
                                    result={"cancelled": False}),
        "an attach to nothing": Case(line("attach_execution", {"execution_id": "none"}), -33005,
                                     "$.execution_id", hint="list_executions"),
        "a provider to activate": Case(line("set_active_provider", {"provider": "none"}), -33001,
                                       "$.provider"),
        "an address": Case(line("configure_provider", {
            "provider": "openai", "base_url": "http://example.com"}), -32602, "$.base_url",
            hint="http"),
    },
    "too much": {
        "a line of 40 MB": Case(b"x" * 40_000_000 + b"\n", -32600, id=None, hint="several"),
        "a long name of a method": Case(line(LONG, {}), -32601),
        "a long name of a parameter": Case(line("ping", {LONG: 1}), -32602),
        "a long role": Case(saying({"role": LONG}), -32602, f"{POINTS}[0].role"),
        "a long version": Case(raw(PING.replace("2.0", LONG)), -32600),
        "a long text with half a character": Case(chat(model=LONG + "\ud83d"), -32602,
                                                  "$.request.model"),
        "deep nesting": Case(extra("[" * 100_000 + "]" * 100_000), -32700, id=None),
        "deep nesting that never ends": Case(b"[" * 100_000 + b"\n", -32700, id=None),
    },
}  # fmt: skip


@pytest.fixture
def peer(start: Start, script: Write) -> Peer:
    """A sidecar in which a stream is on its way."""
    peer = start("--scripted", str(script("beside", PACED)))
    begin(peer, "beside", "beside")
    return peer


@pytest.mark.parametrize("group", GROUPS)
def test_each_gets_its_answer_and_the_rest_goes_on(peer: Peer, group: str) -> None:
    seen: list[Json] = []
    for name, case in GROUPS[group].items():
        seen += check(peer, name, case)
    number = peer.request("cancel_execution", {"execution_id": "beside"})
    ended = {"answer": False, "end": False}

    def over(message: Json) -> bool:
        ended["answer"] |= message.get("id") == number
        ended["end"] |= message.get("method") == "ai_stream_end"
        return all(ended.values())

    seen += peer.messages_until(over, LIMIT_S)
    assert assert_whole(of(seen, "beside"))["finish_reason"] == "cancelled"


def check(peer: Peer, name: str, case: Case) -> list[Json]:
    """Send a case, then a ping; check the answers, and that the stream beside it goes on."""
    peer.send(case.sent)
    seen = peer.messages_until(lambda message: "id" in message, LIMIT_S)
    answer = seen[-1]
    assert answer["id"] == case.id, (name, answer)
    if case.code is None:
        assert answer["result"] == case.result, (name, answer)
    else:
        error = answer["error"]
        assert (error["code"], error["data"].get("path", "")[:100]) == (
            case.code,
            (case.path or error["data"].get("path", ""))[:100],
        ), (name, error)
        assert error["message"].endswith("."), (name, error)
        assert case.hint in error["data"]["hint"], (name, error)
        assert error["data"]["hint"], (name, error)
        assert len(json.dumps(error)) < 2000, name
    peer.send(line("ping", {}, id_="still there?"))
    seen += peer.messages_until(lambda message: "id" in message, LIMIT_S)
    assert seen[-1] == {"jsonrpc": "2.0", "id": "still there?", "result": {}}, (name, seen[-1])
    return seen + peer.messages_until(chunk_of("beside"), LIMIT_S)


@pytest.mark.parametrize("depth", [960, 966, 967, 968, 969, 970, 971, 972, 973, 974, 975])
def test_nesting_at_the_edge_of_what_can_be_read_is_the_clients_fault(
    start: Start, script: Write, depth: int
) -> None:
    peer = start("--scripted", str(script("hello", '{"content":"hi"}')))
    peer.send(extra("[" * depth + "]" * depth))
    [answer] = peer.messages_until(lambda message: "id" in message, LIMIT_S)
    assert "result" in answer or answer["error"]["code"] in (-32700, -32602), answer


def test_frames_that_are_odd_and_right_are_taken(start: Start) -> None:
    peer = start()
    peer.send(b"\xef\xbb\xbf" + PING.encode() + b"\r\n\r\n \t\n" + raw(PING + " \t"))
    peer.send(raw(" " + PING.replace("ping", "pi\\u006eg")))
    for _ in range(3):
        assert peer.receive(LIMIT_S) == b'{"jsonrpc":"2.0","result":{},"id":1}'


def test_a_half_line_at_the_end_of_input_is_answered(start: Start) -> None:
    peer = start()
    peer.send(raw(PING) + PING.replace("1,", "2,").encode())
    peer.end_input()
    assert [json.loads(peer.receive(LIMIT_S) or b"")["id"] for _ in range(2)] == [1, 2]
    assert peer.receive(LIMIT_S) is None
    assert peer.wait(LIMIT_S) == 0


def test_half_a_request_at_the_end_of_input_is_told(start: Start) -> None:
    peer = start()
    peer.send(PING[:-5].encode())
    peer.end_input()
    assert json.loads(peer.receive(LIMIT_S) or b"")["error"]["code"] == -32700
    assert peer.wait(LIMIT_S) == 0


@pytest.mark.parametrize("member", ["ping", "pnig", "attach_execution", "call_ai_provider"])
def test_a_notification_is_never_answered_right_or_wrong(start: Start, member: str) -> None:
    peer = start()
    peer.send(raw(f'{{"jsonrpc":"2.0","method":"{member}"}}') * 3)
    peer.send(raw(f'[{{"jsonrpc":"2.0","method":"{member}"}}]'))
    peer.send(raw(PING))
    assert peer.receive(LIMIT_S) == b'{"jsonrpc":"2.0","result":{},"id":1}'


def test_a_line_limit_of_ones_own_holds(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("[protocol]\nmax_line_bytes = 2000\n", encoding="utf-8")
    peer = start()
    peer.send(line("ping", {"a": "x" * 3000}) + raw(PING))
    first = peer.messages_until(answer_to(None), LIMIT_S)[-1]
    assert first["error"]["code"] == -32600
    assert "2000 bytes" in first["error"]["message"]
    assert peer.receive(LIMIT_S) == b'{"jsonrpc":"2.0","result":{},"id":1}'

"""What a client can not make the sidecar do: fill the memory, hold the loop, bring it down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sidecar.terminal.peer import own_command
from tests.conftest import Start, clean_environment
from tests.providers.sidecars import LIMIT_S
from tests.streams import HELLO, IN_TIME_S, Write, begin, line, params

MB = 1024 * 1024
LARGE = '{"content":"' + "x" * 1_000_000 + '","repeat":12}'


def test_a_client_that_asks_and_never_reads_is_held_back(script: Write, tmp_path: Path) -> None:
    folder = script("large", LARGE)
    attach = line("attach_execution", {"execution_id": "e1"})
    with subprocess.Popen(
        own_command(["--scripted", str(folder)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(tmp_path / "home"),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line("call_ai_provider", params("large", "e1")))
        process.stdin.flush()
        assert len(process.stdout.readline()) > 12_000_000
        before = psutil.Process(process.pid).memory_info().rss
        process.stdin.write(attach * 200)
        process.stdin.flush()
        first = process.stdout.readline()
        grown = psutil.Process(process.pid).memory_info().rss - before
        process.kill()
    assert b'"state":"done"' in first
    assert grown < 250 * MB


def test_the_answers_of_a_batch_have_a_limit(start: Start, script: Write) -> None:
    peer = start("--scripted", str(script("large", LARGE)))
    peer.call("call_ai_provider", params("large", "e1"), LIMIT_S)
    attach = {"jsonrpc": "2.0", "method": "attach_execution", "params": {"execution_id": "e1"}}
    peer.send(json.dumps([attach | {"id": number} for number in range(20)]).encode() + b"\n")
    answers = json.loads(peer.receive(LIMIT_S) or b"")
    kinds = [each["error"]["data"]["kind"] if "error" in each else "" for each in answers]
    assert kinds == [""] * 2 + ["busy"] * 18


def test_a_batch_of_millions_is_refused_before_it_is_held(start: Start) -> None:
    peer = start()
    peer.call("ping", {}, LIMIT_S)
    before = psutil.Process(peer.process_id).memory_info().rss
    peer.send(b"[" + b"0," * 8_000_000 + b"0]\n")
    answer = json.loads(peer.receive(LIMIT_S) or b"")
    assert (answer["error"]["code"], answer["id"]) == (-32600, None)
    assert psutil.Process(peer.process_id).memory_info().rss - before < 150 * MB


def test_half_a_character_in_a_batch_costs_its_own_member_alone(start: Start) -> None:
    peer = start()
    peer.send(
        b'[{"jsonrpc":"2.0","id":1.0,"method":"ping"},'
        b'{"jsonrpc":"2.0","id":"b","method":"cancel_execution",'
        b'"params":{"execution_id":"\\ud83d"}}]\n'
    )
    raw = peer.receive(LIMIT_S) or b""
    good, bad = json.loads(raw)
    assert good == {"jsonrpc": "2.0", "result": {}, "id": 1}
    assert b'"id":1.0' in raw
    assert (bad["id"], bad["error"]["data"]["path"]) == ("b", "$.execution_id")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_path_that_is_no_text_neither_ends_it_nor_loses_an_answer(
    start: Start, tmp_path: Path
) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/s\xff")
    Path(folder).mkdir()
    peer = start("--scripted", folder, AI_SIDECAR_HOME=folder)
    assert "\ufffd" in peer.call("initialize", {}, LIMIT_S)["result"]["paths"]["home"]
    begin(peer, "unknown")
    end = peer.messages_until(lambda each: each.get("method") == "ai_stream_end", LIMIT_S)[-1]
    assert end["params"]["error"]["data"]["kind"] == "model_not_found"
    assert peer.call("ping", {}, LIMIT_S)["result"] == {}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_signal_is_not_kept_waiting_by_a_crowd_of_requests(start: Start) -> None:
    peer = start()
    peer.call("ping", {}, LIMIT_S)
    peer.send(line("rpc.discover", {}) * 3000)
    began = time.monotonic()
    os.kill(peer.process_id, signal.SIGTERM)
    while peer.receive(LIMIT_S) is not None:
        pass
    assert peer.wait(LIMIT_S) == 0
    assert time.monotonic() - began < IN_TIME_S


def test_a_stream_goes_on_between_a_crowd_of_requests(start: Start, script: Write) -> None:
    peer = start("--scripted", str(script("hello", HELLO)))
    peer.send(
        line("stream_ai_provider", params("hello", "e1"), 0) + line("rpc.discover", {}, 1) * 2000
    )
    heard = peer.messages_until(lambda each: each.get("method") == "ai_stream_end", LIMIT_S)
    assert sum("result" in each for each in heard) < 2001


def test_a_script_that_repeats_a_word_without_end_takes_no_memory(
    start: Start, script: Write
) -> None:
    folder = script("endless", '{"content":"a","repeat":1000000000}')
    peer = start("--scripted", str(folder))
    begin(peer, "endless")
    for _ in range(1000):
        peer.receive(LIMIT_S)
    assert psutil.Process(peer.process_id).memory_info().rss < 150 * MB


def test_what_streams_in_a_batch_names_its_execution(start: Start, script: Write) -> None:
    peer = start("--scripted", str(script("hello", HELLO)))
    request = {"messages": [{"role": "user", "content": "Hi"}], "model": "hello", "stream": True}
    call = json.loads(line("call_ai_provider", {"provider": "scripted", "request": request}))
    peer.send(json.dumps([call]).encode() + b"\n")
    (answer,) = json.loads(peer.receive(LIMIT_S) or b"")
    assert answer["error"]["data"]["path"] == "$.execution_id"

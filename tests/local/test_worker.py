"""The worker process, spoken to over its pipe, and the engine in it, in this process."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from sidecar.local.models import LocalModel, bundled
from sidecar.local.protocol import (
    Cancel,
    Chat,
    Chunk,
    Done,
    Failed,
    JsonOutput,
    Loaded,
    Message,
    ModelSpec,
    Ready,
    Sampling,
)
from tests.conftest import needs_llama_cpp
from tests.local.worker_pipe import Down, Pipe, Watched

needs_llama_cpp()

llama_cpp: Any = importlib.import_module("llama_cpp")

from sidecar.local.engine import Engine  # noqa: E402 - it imports llama_cpp


def chat(model: LocalModel, text: str, **fields: object) -> Chat:
    """Return a chat with one message, drawn greedily unless `sampling` says otherwise."""
    fields = {"sampling": Sampling(temperature=0.0, top_p=1.0), "id": 1} | fields
    return Chat(
        model=model.spec(),
        messages=[Message(role="user", content=text)],
        **fields,  # type: ignore[arg-type]
    )


def test_text_is_streamed_token_by_token_with_its_usage(worker: Pipe, chains: LocalModel) -> None:
    chunks, end = worker.run(chat(chains, "A"))
    assert chunks == ["Hello", " wide", " world"]
    assert isinstance(end, Done)
    assert end.finish_reason == "stop"
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (2, 3)


def test_a_character_split_over_tokens_comes_whole(worker: Pipe, chains: LocalModel) -> None:
    chunks, end = worker.run(chat(chains, "B"))
    assert chunks == ["😀", " smile"]
    assert isinstance(end, Done)
    assert end.usage.completion_tokens == 5


def test_bytes_that_are_no_utf8_are_replaced(worker: Pipe, chains: LocalModel) -> None:
    assert worker.run(chat(chains, "D"))[0] == ["\ufffd", " after"]
    assert worker.run(chat(chains, "F"))[0] == ["cut"]


def test_no_part_of_a_stop_sequence_leaks(worker: Pipe, chains: LocalModel) -> None:
    chunks, end = worker.run(chat(chains, "E", stop=["<END>"]))
    assert "".join(chunks) == "one"
    assert isinstance(end, Done)
    assert (end.finish_reason, end.usage.completion_tokens) == ("stop", 3)
    chunks, end = worker.run(chat(chains, "E", stop=["<ENX"]))
    assert "".join(chunks) == "one<END>two"


def test_max_tokens_ends_with_length(worker: Pipe, chains: LocalModel) -> None:
    chunks, end = worker.run(chat(chains, "C", max_tokens=3))
    assert chunks == ["tick", "tock", "tick"]
    assert isinstance(end, Done)
    assert (end.finish_reason, end.usage.completion_tokens) == ("length", 3)


def test_the_rest_of_the_context_is_the_longest_answer(worker: Pipe, chains: LocalModel) -> None:
    for limit in (None, 10_000):
        _, end = worker.run(chat(chains, "C", max_tokens=limit))
        assert isinstance(end, Done)
        assert end.finish_reason == "length"
        assert end.usage.prompt_tokens + end.usage.completion_tokens == chains.context


def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(
    worker: Pipe, chains: LocalModel
) -> None:
    _, end = worker.run(chat(chains, "x" * 300))
    assert isinstance(end, Failed)
    assert end.kind == "context_length"
    assert "301 tokens" in end.message
    assert "256 tokens" in end.message


def test_a_prefix_that_is_known_is_not_evaluated_again(worker: Pipe, chains: LocalModel) -> None:
    worker.run(chat(chains, "xyzzy and more", max_tokens=1))
    _, end = worker.run(chat(chains, "xyzzy and less", max_tokens=1))
    assert isinstance(end, Done)
    assert end.usage.cached_tokens == len("xyzzy and ") + 1


def test_the_same_seed_gives_the_same_answer(worker: Pipe, chains: LocalModel) -> None:
    def noise(seed: int | None) -> str:
        sampling = Sampling(temperature=1.0, top_p=1.0, top_k=0, min_p=0.0, seed=seed)
        return "".join(worker.run(chat(chains, "noise", sampling=sampling, max_tokens=40))[0])

    assert noise(1) == noise(1)
    assert len({noise(1), noise(2), noise(-3)}) == 3
    # One in a hundred is as short as another, and the same.
    assert len({noise(None) for _ in range(8)}) > 1


def test_an_answer_follows_its_json_schema(worker: Pipe, chains: LocalModel) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    sampling = Sampling(temperature=1.0, top_p=1.0, top_k=0, min_p=0.0, seed=5)
    output = JsonOutput(schema=schema)
    chunks, end = worker.run(chat(chains, "noise", sampling=sampling, json=output))
    assert isinstance(end, Done)
    assert end.finish_reason == "stop"
    assert isinstance(json.loads("".join(chunks))["ok"], bool)


def test_an_answer_can_be_held_to_json(worker: Pipe, chains: LocalModel) -> None:
    sampling = Sampling(temperature=1.0, top_p=1.0, top_k=0, min_p=0.0, seed=4)
    chunks, _ = worker.run(
        chat(chains, "noise", sampling=sampling, json=JsonOutput(), max_tokens=60)
    )
    assert "".join(chunks).startswith("{")


def test_a_schema_that_is_none_is_refused_with_its_path(worker: Pipe, chains: LocalModel) -> None:
    _, end = worker.run(chat(chains, "A", json=JsonOutput(schema={"$ref": "#/nowhere/at/all"})))
    assert isinstance(end, Failed)
    assert (end.kind, end.path) == ("invalid_request", "$.request.response_format.schema")


def test_a_file_that_is_missing_or_broken_is_told_and_the_worker_lives_on(
    worker: Pipe, chains: LocalModel, broken: LocalModel
) -> None:
    nowhere = LocalModel(id="n", path="nowhere.gguf", context=64)
    _, end = worker.run(chat(nowhere, "A"))
    assert isinstance(end, Failed)
    assert (end.kind, end.id) == ("model_not_found", 1)
    _, end = worker.run(chat(broken, "A"))
    assert isinstance(end, Failed)
    assert end.kind == "model_not_found"
    assert "broken.gguf can't be loaded" in end.message
    assert "gguf" in end.message.split("loaded: ")[1], "llama.cpp's own words"
    assert worker.run(chat(chains, "A"))[0] == ["Hello", " wide", " world"]


def test_another_model_takes_the_place_of_the_loaded_one(worker: Pipe, chains: LocalModel) -> None:
    worker.run(chat(chains, "A"))
    worker.send(chat(bundled(), "Hello", max_tokens=1))
    assert isinstance(worker.answer(), Loaded)
    assert isinstance(worker.answer(), Chunk)
    assert isinstance(worker.answer(), Done)


def test_a_cancel_between_tokens_ends_the_chat_and_leaves_the_next_one_right(
    worker: Pipe, chains: LocalModel
) -> None:
    endless = LocalModel(id="c", path=chains.path, context=4096, gpu_layers=0, threads=1)
    worker.send(chat(endless, "C", id=7))
    while not isinstance(worker.answer(), Chunk):
        continue
    worker.send(Cancel(id=7))
    while not isinstance(end := worker.answer(), Done):
        continue
    assert (end.id, end.finish_reason) == (7, "cancelled")
    assert end.usage.completion_tokens < endless.context - 10
    assert worker.run(chat(endless, "A", id=8))[0] == ["Hello", " wide", " world"]


def test_a_cancel_of_a_chat_that_waits_or_has_ended_disturbs_nothing(
    worker: Pipe, chains: LocalModel
) -> None:
    worker.send(Cancel(id=99))
    worker.send(chat(chains, "A", id=1))
    worker.send(chat(chains, "E", id=2))
    worker.send(Cancel(id=2))
    ends: list[tuple[int, str]] = []
    while len(ends) < 2:
        if isinstance(answer := worker.answer(), Done):
            ends.append((answer.id, answer.finish_reason))
    assert ends == [(1, "stop"), (2, "cancelled")]


def test_the_end_of_stdin_ends_the_process_though_native_code_is_busy(slow: LocalModel) -> None:
    pipe = Pipe()
    assert isinstance(pipe.answer(), Ready)
    pipe.send(chat(slow, "x" * 8000))
    assert isinstance(pipe.answer(), Loaded)
    assert pipe.end() == 0
    pipe.close()


def test_a_cancel_during_prompt_evaluation_aborts_it_and_leaves_the_next_one_right(
    slow: LocalModel,
) -> None:
    # One batch holds the whole prompt, so that only llama.cpp itself can look at the flag again.
    whole = ModelSpec(
        path=slow.path, context=slow.context, threads=slow.threads, batch=slow.context
    )
    engine = Engine(whole)
    flag = Watched(patience=40)
    end = engine.answer(chat(slow, "x" * 8000), flag, lambda _text: None)
    assert end.finish_reason == "cancelled"
    assert end.usage.completion_tokens == 0
    # After the flag was up, llama.cpp asked no more than its way out of the graph needs.
    assert 40 <= flag.looks <= 44
    after = _noise(engine, slow)
    engine.close()
    fresh = Engine(whole)
    assert _noise(fresh, slow) == after
    fresh.close()


def test_the_flag_is_not_looked_at_by_native_code_once_tokens_come(chains: LocalModel) -> None:
    engine = Engine(chains.spec())
    flag, before = Watched(patience=10**6), Watched(patience=10**6)
    engine.answer(chat(chains, "hello", max_tokens=1), Down(), lambda _text: None)
    engine.answer(chat(chains, "C", max_tokens=1), before, lambda _text: None)
    engine.answer(chat(chains, "C", max_tokens=100), flag, lambda _text: None)
    assert flag.looks - before.looks <= 100
    engine.close()


def _noise(engine: Engine, model: LocalModel) -> str:
    said: list[str] = []
    sampling = Sampling(temperature=1.0, top_p=1.0, seed=11)
    work = chat(model, "abc", sampling=sampling, max_tokens=20)
    engine.answer(work, Down(), said.append)
    return "".join(said)


@pytest.mark.parametrize("question", ["Hello!", "What can you do?", "Where are my API keys?"])
def test_text_and_usage_are_those_of_the_plain_library(question: str) -> None:
    demo = bundled()
    plain = llama_cpp.Llama(demo.path, n_ctx=demo.context, n_threads=2, verbose=False)
    expected = plain.create_chat_completion(
        [{"role": "user", "content": question}], temperature=0.0, max_tokens=200
    )
    engine = Engine(demo.spec())
    said: list[str] = []
    end = engine.answer(chat(demo, question, max_tokens=200), Down(), said.append)
    engine.close()
    plain.close()
    assert "".join(said) == expected["choices"][0]["message"]["content"]
    assert end.finish_reason == expected["choices"][0]["finish_reason"]
    assert end.usage.prompt_tokens == expected["usage"]["prompt_tokens"]
    assert end.usage.completion_tokens == expected["usage"]["completion_tokens"]


def test_of_llama_cpps_log_only_warnings_and_errors_are_told(chains: LocalModel) -> None:
    pipe = Pipe()
    assert isinstance(pipe.answer(), Ready)
    trained = LocalModel(id="t", path=chains.path, context=4096, gpu_layers=0)
    assert pipe.run(chat(trained, "A"))[0]
    pipe.end()
    assert pipe.process.stderr
    assert pipe.process.stderr.read() == b""
    pipe.close()


def test_what_native_code_prints_does_not_tear_a_line() -> None:
    program = (
        "import os, sidecar.local.worker as worker\n"
        "claim = worker.claim\n"
        "def claim_and_print():\n"
        "    fds = claim()\n"
        "    os.write(1, b'a native print')\n"
        "    return fds\n"
        "worker.claim = claim_and_print\n"
        "worker.main()\n"
    )
    pipe = Pipe("-c", program)
    assert isinstance(pipe.answer(), Ready)
    assert pipe.end() == 0
    assert pipe.process.stdout
    assert pipe.process.stdout.read() == b""
    assert pipe.process.stderr
    assert pipe.process.stderr.read() == b"a native print"
    pipe.close()

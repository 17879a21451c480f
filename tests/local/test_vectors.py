"""Vectors of texts: by a real worker over its pipe, and by the engine in this process."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import pytest

from sidecar.local.models import LocalModel, bundled
from sidecar.local.protocol import Chat, Done, Embed, Failed, Message, ModelSpec, Sampling
from tests.conftest import needs_llama_cpp
from tests.local.gguf_models import EOS, write_bert, write_chains
from tests.local.worker_pipe import Down, Pipe, Watched

needs_llama_cpp()

llama_cpp: Any = importlib.import_module("llama_cpp")

from sidecar.local.engine import Engine  # noqa: E402 - it imports llama_cpp

GREETINGS = ("Hello there, how are you?", "Hi, how do you do?")
KEYS = ("Where is my API key stored?", "Which place holds my keys?")
POEMS = ("Write a poem about the sea.", "Tell me a poem of the ocean.")
BOS, A, B = 1, 291, 292
"""Places of these tokens in the vocabulary of a model of chains, and so in its vectors."""


@dataclass(frozen=True)
class Made:
    """A model of chains in pieces of two tokens, or of one that differs from it."""

    folder: Path

    def __call__(self, norm: float = 1.0, **facts: int) -> ModelSpec:
        path = self.folder / "made.gguf"
        write_chains(path, {"A": ("Hello", EOS)}, norm=norm, **facts)
        return ModelSpec(path=str(path), context=64, threads=1, batch=2)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., ModelSpec]:
    return Made(tmp_path)


def embed(spec: ModelSpec, *texts: str, dimensions: int | None = None) -> Embed:
    return Embed(id=1, model=spec, texts=list(texts), dimensions=dimensions)


def vectors(worker: Pipe, work: Embed) -> list[list[float]]:
    found, end = worker.embed(work)
    assert isinstance(end, Done), end
    return found


def refusal(worker: Pipe, work: Embed) -> Failed:
    found, end = worker.embed(work)
    assert isinstance(end, Failed)
    assert found == []
    return end


def alike(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def marked(vector: list[float]) -> dict[int, float]:
    """The places of a vector where there is something."""
    return {place: round(number, 4) for place, number in enumerate(vector) if number}


def test_each_text_has_its_vector_of_length_1_whatever_its_neighbours(worker: Pipe) -> None:
    demo = bundled().spec()
    texts = [*GREETINGS, "keys " * 200, *KEYS]
    together, end = worker.embed(embed(demo, *texts))
    alone = [vectors(worker, embed(demo, text))[0] for text in texts]
    assert together == alone
    assert [math.hypot(*vector) for vector in together] == pytest.approx([1] * len(texts))
    assert len({len(vector) for vector in together}) == 1
    assert isinstance(end, Done)
    plain = llama_cpp.Llama(bundled().path, vocab_only=True, verbose=False)
    assert end.usage.prompt_tokens == sum(len(plain.tokenize(text.encode())) for text in texts)
    assert (end.finish_reason, end.usage.completion_tokens) == ("stop", 0)
    plain.close()


def test_vectors_are_those_of_the_plain_library(worker: Pipe) -> None:
    demo = bundled()
    texts = [*GREETINGS, "Who are you? " * 60]
    plain = llama_cpp.Llama(
        demo.path,
        n_ctx=demo.context,
        n_batch=demo.context,
        n_ubatch=demo.context,
        n_threads_batch=1,
        embedding=True,
        pooling_type=llama_cpp.LLAMA_POOLING_TYPE_MEAN,
        verbose=False,
    )
    expected = [plain.embed(text, normalize=True) for text in texts]
    plain.close()
    found = vectors(worker, embed(demo.spec(), *texts))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_the_demo_model_finds_a_sentences_like_among_others(worker: Pipe) -> None:
    texts = [*GREETINGS, *KEYS, *POEMS]
    found = vectors(worker, embed(bundled().spec(), *texts))
    for place, vector in enumerate(found):
        others = [each for each in range(len(found)) if each != place]
        nearest = max(others, key=lambda other: alike(vector, found[other]))
        assert nearest == place ^ 1, texts[place]


def test_without_a_way_of_its_own_it_is_the_mean_of_all_tokens(
    worker: Pipe, made: Callable[..., ModelSpec]
) -> None:
    [vector] = vectors(worker, embed(made(), "AAB"))
    assert marked(vector) == {BOS: 0.4082, A: 0.8165, B: 0.4082}


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        (gguf.PoolingType.MEAN, {BOS: 0.4082, A: 0.8165, B: 0.4082}),
        (gguf.PoolingType.CLS, {BOS: 1.0}),
        (gguf.PoolingType.LAST, {B: 1.0}),
    ],
)
def test_a_models_own_way_holds_though_a_text_is_evaluated_in_pieces(
    worker: Pipe,
    made: Callable[..., ModelSpec],
    pooling: gguf.PoolingType,
    expected: dict[int, float],
) -> None:
    [vector] = vectors(worker, embed(made(pooling_type=int(pooling)), "AAB"))
    assert marked(vector) == expected


def test_a_model_that_reads_both_ways_sees_a_text_as_a_whole(
    worker: Pipe, made: Callable[..., ModelSpec]
) -> None:
    [vector] = vectors(worker, embed(made(attention__causal=False), "AAB"))
    assert marked(vector) == {BOS: 0.4082, A: 0.8165, B: 0.4082}


def test_a_model_for_vectors_alone_gives_them(worker: Pipe, tmp_path: Path) -> None:
    write_bert(tmp_path / "bert.gguf", context=64)
    bert = ModelSpec(path=str(tmp_path / "bert.gguf"), context=64, threads=1, batch=2)
    texts = ["one two three one", "three two one"]
    found = vectors(worker, embed(bert, *texts))
    plain = llama_cpp.Llama(bert.path, n_ctx=64, n_threads_batch=1, embedding=True, verbose=False)
    for ours, text in zip(found, texts, strict=True):
        assert ours == pytest.approx(plain.embed(text, normalize=True), abs=1e-3)
    plain.close()
    assert refusal(worker, embed(bert, "one " * 63)).kind == "context_length"


def test_a_model_that_ranks_is_refused(worker: Pipe, made: Callable[..., ModelSpec]) -> None:
    end = refusal(worker, embed(made(pooling_type=int(gguf.PoolingType.RANK)), "A"))
    assert (end.kind, end.path) == ("invalid_request", "$.model")


@pytest.mark.parametrize("norm", [0.0, math.nan, math.inf])
def test_numbers_without_a_direction_are_told_and_never_sent(
    worker: Pipe, made: Callable[..., ModelSpec], norm: float
) -> None:
    end = refusal(worker, embed(made(norm=norm), "A"))
    assert (end.kind, end.path) == ("invalid_response", "$.input[0]")


def test_shorter_vectors_are_the_beginning_of_the_whole_ones_and_of_length_1(worker: Pipe) -> None:
    demo = bundled().spec()
    [whole] = vectors(worker, embed(demo, "Hello"))
    [short] = vectors(worker, embed(demo, "Hello", dimensions=8))
    length = math.hypot(*whole[:8])
    assert short == pytest.approx([number / length for number in whole[:8]])
    assert vectors(worker, embed(demo, "Hello", dimensions=len(whole))) == [whole]
    end = refusal(worker, embed(demo, "Hello", dimensions=len(whole) + 1))
    assert (end.kind, end.path) == ("invalid_request", "$.dimensions")
    assert f"{len(whole)} numbers" in end.message


def test_a_text_longer_than_the_context_is_refused_with_its_place_before_any_is_evaluated(
    worker: Pipe, chains: LocalModel
) -> None:
    end = refusal(worker, embed(chains.spec(), "A", "x" * 300))
    assert (end.kind, end.path) == ("context_length", "$.input[1]")
    assert "301 tokens" in end.message
    assert "256" in end.message
    assert len(vectors(worker, embed(chains.spec(), "x" * 255))) == 1, "one that just fits"


def test_chats_keep_what_they_remember_while_vectors_are_made(
    worker: Pipe, chains: LocalModel
) -> None:
    def chat(text: str) -> Chat:
        return Chat(
            id=2,
            model=chains.spec(),
            messages=[Message(role="user", content=text)],
            sampling=Sampling(temperature=0.0, top_p=1.0),
            max_tokens=1,
        )

    worker.run(chat("xyzzy and more"))
    vectors(worker, embed(chains.spec(), "something else"))
    _, end = worker.run(chat("xyzzy and less"))
    assert isinstance(end, Done)
    assert end.usage.cached_tokens == len("xyzzy and ") + 1


def test_a_cancel_aborts_the_evaluation_and_leaves_the_next_one_right(slow: LocalModel) -> None:
    # One batch holds the whole text, so that only llama.cpp itself can look at the flag again.
    whole = ModelSpec(path=slow.path, context=4096, threads=slow.threads, batch=4096)
    engine = Engine(whole)
    given: list[list[float]] = []
    flag = Watched(patience=40)
    end = engine.embed(embed(whole, "x" * 4000, "y"), flag, given.append)
    assert (end.finish_reason, given) == ("cancelled", [])
    assert 40 <= flag.looks <= 44
    end = engine.embed(embed(whole, "abc"), Down(), given.append)
    assert end.finish_reason == "stop"
    engine.close()
    fresh = Engine(whole)
    fresh.embed(embed(whole, "abc"), Down(), given.append)
    assert given[0] == given[1]
    fresh.close()


def test_nothing_is_said_on_stderr(chains: LocalModel) -> None:
    pipe = Pipe()
    pipe.answer()
    assert pipe.embed(embed(bundled().spec(), "Hello", "you"))[0]
    assert pipe.embed(embed(chains.spec(), "Hello"))[0]
    pipe.end()
    assert pipe.process.stderr
    assert pipe.process.stderr.read() == b""
    pipe.close()

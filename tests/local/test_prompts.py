"""The tokens of a conversation: what is counted is what a chat of it evaluates."""

from __future__ import annotations

import pytest

from sidecar.local.models import LocalModel, bundled
from sidecar.local.protocol import Chat, Count, Done, Failed, Message, Sampling
from tests.conftest import needs_llama_cpp
from tests.local.worker_pipe import Pipe

needs_llama_cpp()


def count(model: LocalModel, *messages: Message) -> Count:
    return Count(id=1, model=model.spec(), messages=list(messages))


def chat(model: LocalModel, *messages: Message) -> Chat:
    return Chat(
        id=1,
        model=model.spec(),
        messages=list(messages),
        sampling=Sampling(temperature=0.0, top_p=1.0),
        max_tokens=1,
    )


@pytest.mark.parametrize(
    "messages",
    [
        [Message(role="user", content="Who are you?")],
        [Message(role="system", content="Be brief."), Message(role="user", content="Hello")],
        [
            Message(role="user", content="Hello"),
            Message(role="assistant", content="Hi! How are you?"),
            Message(role="user", content="Fine. Ça va, 😀?", name="Zoé"),
        ],
    ],
    ids=["one question", "a system prompt", "turns"],
)
def test_a_count_is_what_the_chat_says_of_its_prompt(worker: Pipe, messages: list[Message]) -> None:
    demo = bundled()
    _, end = worker.run(chat(demo, *messages))
    assert isinstance(end, Done)
    assert worker.count(count(demo, *messages)) == end.usage.prompt_tokens


def test_a_prompt_longer_than_the_context_is_counted_all_the_same(
    worker: Pipe, chains: LocalModel
) -> None:
    assert worker.count(count(chains, Message(role="user", content="x" * 300))) == 301


def test_what_the_template_refuses_is_refused_as_for_the_chat(
    worker: Pipe, chains: LocalModel
) -> None:
    refusals = []
    for work in (count(chains), chat(chains)):
        worker.send(work)
        while not isinstance(end := worker.answer(), Failed):
            continue
        refusals.append(end)
    assert refusals[0] == refusals[1]
    assert (refusals[0].kind, refusals[0].path) == ("invalid_request", "$.request.messages")

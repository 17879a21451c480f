"""OpenAI's own SDK as an oracle: the same bytes give it and the sidecar the same answer."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.providers.sink import Facts
from sidecar.values import AIResponse
from tests.providers.formats.openai_responses.answering import (
    BEGUN,
    WIRE,
    added,
    answer,
    body,
    call,
    delta,
    done,
    end,
    events,
    message,
    output_text,
    reasoning,
    streamed,
    target,
)
from tests.providers.formats.openai_responses.test_recorded import answers
from tests.providers.raw_server import serving

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.responses import Response

EMOJI = "a 😀 \u2028 é"
TEXT = output_text(EMOJI) | {"logprobs": []}
ITEMS = [
    reasoning("**A** one", "**B** two", encrypted="E") | {"status": "completed"},
    message(TEXT, phase="commentary") | {"status": "completed"},
    call("f", '{"x": 1}', 1) | {"status": "completed"},
    call("g", '{"y": ["é"]}', 2) | {"status": "completed"},
]
STREAM = events(
    BEGUN,
    added(reasoning() | {"status": "in_progress"}, 0),
    done(ITEMS[0], 0),
    added(message() | {"status": "in_progress"}, 1),
    {"type": "response.content_part.added", "output_index": 1, "content_index": 0,
     "item_id": "msg_1", "part": output_text("") | {"logprobs": []}},
    delta("output_text", "a 😀", 1, item_id="msg_1", logprobs=[]),
    delta("output_text", " \u2028 é", 1, item_id="msg_1", logprobs=[]),
    {"type": "response.output_text.done", "output_index": 1, "content_index": 0,
     "item_id": "msg_1", "text": EMOJI, "logprobs": []},
    done(ITEMS[1], 1),
    added(call("f", "", 1), 2),
    added(call("g", "", 2), 3),
    delta("function_call_arguments", '{"y": ', 3, item_id="fc_2"),
    delta("function_call_arguments", '{"x": 1}', 2, item_id="fc_1"),
    delta("function_call_arguments", '["é"]}', 3, item_id="fc_2"),
    done(ITEMS[2], 2),
    done(ITEMS[3], 3),
    end(*ITEMS),
)  # fmt: skip


@contextmanager
def sdk(served: bytes, content_type: str) -> Iterator[OpenAI]:
    """A client of the SDK whose server answers with these bytes."""
    from openai import OpenAI  # noqa: PLC0415 - a second of imports

    with (
        serving(lambda connection: connection.answer(served, content_type=content_type)) as server,
        OpenAI(api_key="sk-test", base_url=server.url, max_retries=0) as client,
    ):
        yield client


def theirs_of_stream(served: bytes) -> Response:
    with (
        sdk(served, "text/event-stream") as client,
        client.responses.stream(model="m", input="hi") as stream,
    ):
        return stream.get_final_response()


def theirs_of_whole(served: bytes) -> Response:
    with sdk(served, "application/json") as client:
        return client.responses.create(model="m", input="hi")


def assert_same(ours: AIResponse, theirs: Response) -> None:
    assert ours.content == theirs.output_text
    assert (ours.response_id, ours.model) == (theirs.id, theirs.model)
    calls = [item for item in theirs.output if item.type == "function_call"]
    assert [(each.id, each.name, each.arguments) for each in ours.tool_calls or ()] == [
        (each.call_id, each.name, each.arguments) for each in calls
    ]
    thoughts = [item for item in theirs.output if item.type == "reasoning"]
    summary = [part.text for item in thoughts for part in item.summary]
    assert (ours.reasoning or "") == "\n\n".join(summary)
    parts = [part for item in theirs.output if item.type == "message" for part in item.content]
    assert (ours.refusal or "") == "".join(part.refusal for part in parts if part.type == "refusal")
    usage = theirs.usage
    assert usage is not None
    assert ours.usage is not None
    assert ours.usage.prompt_tokens == usage.input_tokens
    assert ours.usage.completion_tokens == usage.output_tokens
    assert ours.usage.total_tokens == usage.total_tokens
    assert ours.usage.cached_tokens == usage.input_tokens_details.cached_tokens
    assert ours.usage.reasoning_tokens == usage.output_tokens_details.reasoning_tokens


def test_a_stream_is_the_same_to_both() -> None:
    assert_same(streamed(STREAM)[1], theirs_of_stream(STREAM))


def test_a_whole_answer_is_the_same_to_both() -> None:
    whole = body(*ITEMS)
    assert_same(answer(whole), theirs_of_whole(whole))


def test_every_recorded_answer_is_the_same_to_both(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answers(recorded, streams=True):
        with subtests.test(str(each)):
            assert_same(streamed(each.body, each.target)[1], theirs_of_stream(each.body))
    for each in answers(recorded, streams=False):
        with subtests.test(str(each)):
            assert_same(answer(each.body, each.target), theirs_of_whole(each.body))


def test_vectors_are_the_same_to_both() -> None:
    numbers = (0.1, -2.5, 3.0e-8)
    packed = base64.b64encode(struct.pack("<3f", *numbers)).decode()
    data = [{"object": "embedding", "index": 0, "embedding": packed}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    served = json.dumps({"object": "list", "model": "m", "data": data, "usage": usage}).encode()
    with sdk(served, "application/json") as client:
        theirs = client.embeddings.create(model="m", input=["a"])
    ours = WIRE.parse_embeddings(served, 1, target(), Facts())
    assert ours.vectors == [each.embedding for each in theirs.data]
    assert ours.usage is not None
    assert ours.usage.prompt_tokens == theirs.usage.prompt_tokens

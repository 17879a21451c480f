"""A status of 200 promises nothing: errors, pages and anything at all inside of it."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ContextLength,
    InvalidResponse,
    ModelNotFound,
    Overloaded,
    RequestRejected,
)
from sidecar.providers.client import Client
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.values import AIMessage, AIRequest
from tests.providers.answers import CUTS, Cut
from tests.providers.formats.ollama.saying import WIRE, answer, end, line, lines, streamed, target
from tests.providers.tape import Tape


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "model 'llama9' not found"}, ModelNotFound),
        (404, {"error": 'model "llama9" not found, try pulling it first'}, ModelNotFound),
        (400, {"error": '"gemma" does not support tools'}, RequestRejected),
        (400, {"error": '"gemma" does not support thinking'}, RequestRejected),
        (400, {"error": "the input length exceeds the context length"}, ContextLength),
        (401, {"error": "unauthorized", "signin_url": "https://ollama.com/connect"},
         Authentication),
        (503, {"error": "server busy, please try again.  maximum pending requests exceeded"},
         Overloaded),
        (500, {"error": "model requires more system memory (5.6 GiB) than is available"},
         APIError),
    ],
)  # fmt: skip
def test_an_error_answer_has_its_kind_and_its_words(
    status: int, body: dict[str, str], kind: type[AIError]
) -> None:
    error = WIRE.parse_error(status, {}, json.dumps(body).encode(), target())
    assert type(error) is kind
    assert (error.status, error.provider_message) == (status, body["error"])
    assert error.provider == "ollama"


def test_a_model_that_is_not_there_says_how_to_get_it() -> None:
    body = b'{"error":"model \'llama9\' not found"}'
    assert "ollama pull" in WIRE.parse_error(404, {}, body, target()).hint


def test_a_hosted_model_without_an_account_says_how_to_sign_in() -> None:
    body = b'{"error":"unauthorized","signin_url":"https://ollama.com/connect"}'
    assert "ollama signin" in WIRE.parse_error(401, {}, body, target()).hint


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ('{"error":"an error was encountered while running the model"}', APIError),
        ('{"error":{"message":"no","code":503}}', Overloaded),
        ('{"message":"upstream is overloaded"}', Overloaded),
        ('{"detail":"no"}', APIError),
    ],
)
def test_an_error_inside_a_stream_is_that_error(told: str, kind: type[AIError], cut: Cut) -> None:
    with pytest.raises(kind) as caught:
        streamed(lines(line(content="a"), told), cut)
    assert type(caught.value) is kind


def test_words_that_come_with_an_error_are_said_first() -> None:
    decoder = WIRE.decoder(target(), Facts())
    data = json.dumps({**line(content="last words"), "error": "it died"}).encode()
    assert [each.content for each in decoder.feed(Event("", data))] == ["last words"]
    assert decoder.done
    assert not decoder.finished
    with pytest.raises(APIError, match="it died"):
        decoder.flush()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":"it broke"}', APIError),
        (b"", InvalidResponse),
        (b"   \n", InvalidResponse),
        (b"<!DOCTYPE html><title>Sign in</title>", InvalidResponse),
        (b"{}", InvalidResponse),
        (b'{"message":null}', InvalidResponse),
        (b'{"message":7}', InvalidResponse),
        (b'{"message":{"content":"a"},"done":false}', InvalidResponse),
        (b'{"message":{"tool_calls":7},"done":true}', InvalidResponse),
        (b'{"message":{"tool_calls":[7]},"done":true}', InvalidResponse),
        (b"null", InvalidResponse),
        (b'"text"', InvalidResponse),
        (b'{"message":{"content":"cut of', InvalidResponse),
        (b"[" * 100_000, InvalidResponse),
        (b'{"message":{"content":' + b"[" * 100_000, InvalidResponse),
        (b"\xff\xfe\x00", InvalidResponse),
    ],
)
def test_a_whole_answer_that_is_none_is_a_typed_error(body: bytes, kind: type[AIError]) -> None:
    with pytest.raises(kind) as caught:
        answer(body)
    assert type(caught.value) is kind
    caught.value.to_object()


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, 9 * 1024 * 1024])
async def test_a_whole_answer_may_have_any_layout_and_any_size(size: int) -> None:
    """A line may have 8 MiB; an answer that was asked for as a whole is no line."""
    given = {"message": {"content": "a" * size}, "done": True, "done_reason": "stop"}
    said = json.dumps(given, indent=4).encode()
    client = Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=said)))
    tape = Tape()
    request = AIRequest(messages=[AIMessage(role="user", content="hi")])
    await client.run(WIRE, request, target(), tape)
    assert "".join(chunk.content or "" for chunk in tape.chunks) == "a" * size
    refused = httpx.Response(200, content=json.dumps({"error": "no"}, indent=4).encode())
    client = Client(transport=httpx.MockTransport(lambda _: refused))
    with pytest.raises(AIError) as caught:
        await client.run(WIRE, request, target(), Tape())
    assert caught.value.provider_message == "no"


def test_a_whole_answer_with_a_byte_order_mark_is_read() -> None:
    body = json.dumps(line(content="a", done="stop")).encode()
    assert answer(b"\xef\xbb\xbf" + body).content == "a"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["model", "created_at", "message", "done", "done_reason", "error", "logprobs", "eval_count",
     "prompt_eval_count", "content", "thinking", "tool_calls", "function", "name", "arguments",
     "id", "images"]
)  # fmt: skip
SHAPED = st.recursive(
    JSON,
    lambda inner: st.dictionaries(FIELDS, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@given(objects=st.lists(st.dictionaries(FIELDS, SHAPED, max_size=6), max_size=4))
def test_any_json_is_an_answer_or_a_typed_error(objects: list[object]) -> None:
    try:
        _, response = streamed(lines(*objects, end()))
        assert response.finish_reason
    except AIError as error:
        error.to_object()


@given(data=st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_a_typed_error(data: bytes) -> None:
    for decode in (streamed, answer):
        try:
            decode(data)
        except AIError as error:
            error.to_object()

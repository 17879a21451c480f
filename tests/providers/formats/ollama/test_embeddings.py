"""Vectors, in the order of their texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import AIError, ContextLength, InvalidResponse
from sidecar.providers.format import Embeds
from sidecar.providers.sink import Facts
from sidecar.values import EmbedRequest, TokenUsage
from tests.providers.formats.ollama.saying import WIRE, target

Json = dict[str, Any]


def sent(**fields: Any) -> Json:  # noqa: ANN401 - fields of any type
    request = EmbedRequest(input=["a", "b"], **fields)
    http = WIRE.build_embed_request(["a", "b"], request, target())
    assert (http.method, http.url) == ("POST", "http://127.0.0.1:11434/api/embed")
    found: Json = json.loads(http.body or b"")
    return found


def parsed(body: object, count: int = 2) -> tuple[list[list[float]], Facts, TokenUsage | None]:
    facts = Facts()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = WIRE.parse_embeddings(data, count, target(), facts)
    return found.vectors, facts, found.usage


def test_it_embeds() -> None:
    assert isinstance(WIRE, Embeds)


def test_a_text_that_is_too_long_is_to_be_an_error_unless_it_is_said_otherwise() -> None:
    assert sent() == {"model": "m", "input": ["a", "b"], "truncate": False}
    given_ = sent(dimensions=3, extra={"truncate": True, "keep_alive": 0})
    assert (given_["dimensions"], given_["truncate"], given_["keep_alive"]) == (3, True, 0)


def test_vectors_come_in_their_order_with_the_count_of_tokens() -> None:
    body = {"model": "e1", "embeddings": [[1, 0.5], [-1, 2e-3]], "prompt_eval_count": 9}
    vectors, facts, usage = parsed(body)
    assert vectors == [[1.0, 0.5], [-1.0, 0.002]]
    assert facts.model == "e1"
    assert usage == TokenUsage(prompt_tokens=9, completion_tokens=0, total_tokens=9)


def test_a_count_that_is_none_is_told() -> None:
    vectors, facts, usage = parsed({"embeddings": [[1]], "prompt_eval_count": "x"}, 1)
    assert (vectors, usage) == ([[1.0]], None)
    assert facts.warnings


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        {},
        {"embeddings": [[1.0]]},
        {"embeddings": [[1.0], [1.0, 2.0]]},
        {"embeddings": [[], []]},
        {"embeddings": [[1.0], [1.0], [1.0]]},
        {"embeddings": [[1.0], []]},
        {"embeddings": [[1.0], ["x"]]},
        {"embeddings": [[1.0], None]},
        b'{"embeddings": [[1.0], [NaN]]}',
        {"embedding": [1.0]},
    ],
)
def test_anything_else_is_an_invalid_response(body: object) -> None:
    with pytest.raises(InvalidResponse):
        parsed(body)


def test_an_error_in_their_place_is_that_error() -> None:
    with pytest.raises(ContextLength):
        parsed({"error": "the input length exceeds the context length"})


@given(data=st.binary(max_size=100))
def test_any_bytes_are_vectors_or_a_typed_error(data: bytes) -> None:
    try:
        parsed(data)
    except AIError as error:
        error.to_object()

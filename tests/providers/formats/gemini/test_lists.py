"""Models, vectors and counts."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sidecar.errors import APIError, InvalidResponse
from sidecar.providers.format import CountsTokens, Embeds
from sidecar.providers.sink import Facts
from sidecar.values import EmbedRequest, ModelInfo, TokenUsage
from tests.providers.formats.gemini.saying import WIRE, google

Json = dict[str, Any]
FAILURE = {"error": {"code": 500, "message": "Oops", "status": "INTERNAL"}}


def parse(value: object) -> list[ModelInfo]:
    return WIRE.parse_models(json.dumps(value).encode(), google()).models


def test_models_are_told_with_their_limits_and_what_they_can() -> None:
    given = {
        "name": "models/gemini-3-flash-preview", "displayName": "Gemini 3 Flash", "version": "3",
        "inputTokenLimit": 1048576, "outputTokenLimit": 65536, "thinking": True,
        "supportedGenerationMethods": ["generateContent", "countTokens", "createCachedContent"],
    }  # fmt: skip
    assert parse({"models": [given, {"name": "tunedModels/mine"}]}) == [
        ModelInfo(
            id="gemini-3-flash-preview", provider="google", display_name="Gemini 3 Flash",
            context_window=1048576, max_output_tokens=65536,
            capabilities=["generateContent", "countTokens", "createCachedContent", "thinking"],
        ),
        ModelInfo(id="tunedModels/mine", provider="google"),
    ]  # fmt: skip


def test_pages_are_asked_for_by_the_token_of_the_one_before() -> None:
    first = urlsplit(WIRE.build_models_request(google()).url)
    assert (first.path, parse_qs(first.query)) == ("/v1beta/models", {"pageSize": ["1000"]})
    page = WIRE.parse_models(b'{"models": [], "nextPageToken": "a b&c"}', google())
    assert page.next == "a b&c"
    second = urlsplit(WIRE.build_models_request(google(), page.next).url)
    assert parse_qs(second.query) == {"pageSize": ["1000"], "pageToken": ["a b&c"]}
    assert WIRE.parse_models(b'{"models": [], "nextPageToken": ""}', google()).next is None


def test_entries_of_other_kinds_cost_no_other() -> None:
    odd = {"name": "models/a", "displayName": 7, "inputTokenLimit": "x", "thinking": "yes",
           "supportedGenerationMethods": [7, "embedContent"]}  # fmt: skip
    assert parse({"models": [7, {}, {"name": 7}, odd]}) == [
        ModelInfo(id="a", provider="google", capabilities=["embedContent"])
    ]
    assert parse({}) == []


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'{"models": 7}', b'{"models": [7]}'])
def test_a_list_that_can_not_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidResponse, match="list of models"):
        WIRE.parse_models(body, google())


def test_an_error_in_place_of_a_list_a_batch_or_a_count_is_the_error() -> None:
    body = json.dumps(FAILURE).encode()
    with pytest.raises(APIError, match="Oops"):
        WIRE.parse_models(body, google())
    with pytest.raises(APIError, match="Oops"):
        WIRE.parse_embeddings(body, 1, google(), Facts())
    with pytest.raises(APIError, match="Oops"):
        WIRE.parse_count(body, google())


def test_the_format_embeds_and_counts() -> None:
    assert isinstance(WIRE, Embeds)
    assert isinstance(WIRE, CountsTokens)
    assert WIRE.most_texts == 100


def test_texts_become_requests_of_one_batch() -> None:
    request = EmbedRequest(input=["a", "b"], dimensions=8, extra={"taskType": "RETRIEVAL_QUERY"})
    built = WIRE.build_embed_request(request.input, request, google("gemini-embedding-001"))
    assert built.url.endswith("/models/gemini-embedding-001:batchEmbedContents")
    assert json.loads(built.body or b"")["requests"] == [
        {
            "model": "models/gemini-embedding-001",
            "content": {"parts": [{"text": text}]},
            "outputDimensionality": 8,
            "taskType": "RETRIEVAL_QUERY",
        }
        for text in "ab"
    ]
    plain = WIRE.build_embed_request(["a"], EmbedRequest(input=["a"]), google("e"))
    assert json.loads(plain.body or b"")["requests"][0].keys() == {"model", "content"}


def test_vectors_are_read_in_their_order_with_usage_where_it_is_told() -> None:
    body: Json = {"embeddings": [{"values": [1, 2.5]}, {"values": [-1e-3, 0]}]}
    found = WIRE.parse_embeddings(json.dumps(body).encode(), 2, google(), Facts())
    assert (found.vectors, found.usage) == ([[1.0, 2.5], [-0.001, 0.0]], None)
    body["usageMetadata"] = {"promptTokenCount": 4, "totalTokenCount": 4}
    found = WIRE.parse_embeddings(json.dumps(body).encode(), 2, google(), Facts())
    assert found.usage == TokenUsage(prompt_tokens=4, completion_tokens=0, total_tokens=4)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"embeddings": []}', b'{"embeddings": [{"values": [1]}, {"values": [1]}]}',
     b'{"embeddings": [{}]}', b'{"embeddings": [{"values": ["x"]}]}', b'{"embeddings": 7}',
     b'{"embeddings": [{"values": [NaN]}]}'],
)  # fmt: skip
def test_vectors_that_can_not_be_read_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidResponse, match=r"vectors can.t be read"):
        WIRE.parse_embeddings(body, 1, google(), Facts())


@pytest.mark.parametrize("vectors", [[[], [1.0]], [[], []], [[1.0], [1.0, 2.0]]])
def test_vectors_that_are_not_of_one_length_are_refused(vectors: list[list[float]]) -> None:
    body = {"embeddings": [{"values": vector} for vector in vectors]}
    with pytest.raises(InvalidResponse, match="not all of one length"):
        WIRE.parse_embeddings(json.dumps(body).encode(), 2, google(), Facts())


@pytest.mark.parametrize(
    ("body", "count"), [(b'{"totalTokens": 31}', 31), (b'{"totalTokens": 0}', 0)]
)
def test_a_count_is_read(body: bytes, count: int) -> None:
    assert WIRE.parse_count(body, google()) == count


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"totalTokens": "many"}', b'{"totalTokens": -1}']
)
def test_a_count_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidResponse, match="count"):
        WIRE.parse_count(body, google())

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import APIError, InvalidParams, InvalidResponse, RequestRejected
from sidecar.providers.format import Embedded, Embeds
from sidecar.providers.formats.openai_responses import OpenAIResponses
from sidecar.providers.sink import Facts
from sidecar.values import EmbedRequest
from tests.providers.answers import ROWS, WIRE, target_of
from tests.providers.formats.test_recorded import exchanges, some

Json = dict[str, Any]
PATH = "/embeddings"
EXACT = [0.1, -2.5, 3.0e-8]
ROUNDED = list(struct.unpack("<3f", struct.pack("<3f", *EXACT)))


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def asked(vendor: str = "openai", **fields: Any) -> Json:  # noqa: ANN401 - fields of EmbedRequest
    request = EmbedRequest(**({"input": ["a", "b"]} | fields))
    http = WIRE.build_embed_request(request.input, request, target_of(vendor))
    body: Json = json.loads(http.body or b"")
    return body


def vectors(*given: object, **more: object) -> bytes:
    data = [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(given)]
    return json.dumps({"object": "list", "data": data, "model": "m1"} | more).encode()


def read(body: bytes, count: int, facts: Facts | None = None) -> Embedded:
    return WIRE.parse_embeddings(body, count, target_of(), facts or Facts())


def test_both_formats_of_openai_turn_texts_into_vectors() -> None:
    for wire in (WIRE, OpenAIResponses()):
        assert isinstance(wire, Embeds)
        assert wire.most_texts == 100


def test_a_batch_goes_to_embeddings_and_asks_for_base64() -> None:
    request = EmbedRequest(input=["a"])
    target = target_of("openai", model="text-embedding-3-small", key="sk-embed-1")
    http = WIRE.build_embed_request(["a"], request, target)
    assert (http.method, http.url) == ("POST", "https://api.openai.com/v1/embeddings")
    assert http.headers["authorization"] == "Bearer sk-embed-1"
    assert json.loads(http.body or b"") == {
        "model": "text-embedding-3-small",
        "input": ["a"],
        "encoding_format": "base64",
    }
    assert OpenAIResponses().build_embed_request(["a"], request, target) == http


def test_a_number_of_dimensions_has_the_vendors_name_for_it() -> None:
    assert asked(dimensions=256)["dimensions"] == 256
    mistral = asked("mistral", dimensions=256)
    assert mistral == {"model": "m", "input": ["a", "b"], "output_dimension": 256}


def test_free_fields_are_added_but_for_the_texts() -> None:
    assert asked(extra={"encoding_format": "float"})["encoding_format"] == "float"
    for name in ("input", "model"):
        with pytest.raises(InvalidParams) as refused:
            asked(extra={name: "x"})
        assert refused.value.path == f"$.extra.{name}"


def test_vectors_in_other_numbers_than_floats_are_not_asked_for() -> None:
    """Perplexity's `base64_int8` would be read as floats that it does not hold."""
    with pytest.raises(InvalidParams) as refused:
        asked(extra={"encoding_format": "base64_int8"})
    assert refused.value.path == "$.extra.encoding_format"


def test_base64_floats_are_exactly_what_they_were() -> None:
    assert read(vectors(packed(*EXACT)), 1).vectors == [ROUNDED]


def test_numbers_are_taken_where_base64_was_asked_for() -> None:
    assert read(vectors([0.1, 2], [3, -4.5]), 2).vectors == [[0.1, 2.0], [3.0, -4.5]]


def test_vectors_stand_in_the_order_of_their_texts() -> None:
    body = json.loads(vectors([1.0], [2.0], packed(3.0)))
    body["data"].reverse()
    assert read(json.dumps(body).encode(), 3).vectors == [[1.0], [2.0], [3.0]]
    for each in body["data"]:
        del each["index"]
    assert read(json.dumps(body).encode(), 3).vectors == [[3.0], [2.0], [1.0]]
    assert read(json.dumps(body["data"]).encode(), 3).vectors == [[3.0], [2.0], [1.0]]


def test_what_it_took_is_told() -> None:
    facts = Facts()
    found = read(
        vectors([1.0], usage={"prompt_tokens": 7, "total_tokens": 7, "cost": 0.5}), 1, facts
    )
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 0)
    assert found.usage.total_tokens == 7
    assert facts.model == "m1"
    assert facts.cost is not None
    assert facts.cost.total == 0.5
    assert read(vectors([1.0]), 1).usage is None


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (vectors([1.0]), 2),
        (vectors([1.0], [2.0]), 1),
        (vectors([1.0], []), 2),
        (vectors([1.0], [2.0, 3.0]), 2),
        (vectors(["x"]), 1),
        (vectors([[1.0]]), 1),
        (vectors([None]), 1),
        (vectors(None), 1),
        (vectors("not base64"), 1),
        (vectors("AAA="), 1),
        (vectors(packed(float("nan"))), 1),
        (vectors(packed(float("inf"))), 1),
        (b'{"data": [{"embedding": [NaN]}]}', 1),
        (vectors([1.0], [2.0]).replace(b'"index": 1', b'"index": 0'), 2),
        (vectors([1.0], [2.0]).replace(b'"index": 1', b'"index": 2'), 2),
        (vectors([1.0]).replace(b'"index": 0', b'"index": "x"'), 1),
        (b'{"data": [1]}', 1),
        (b'{"data": {}}', 1),
        (b"<html>", 1),
        (b"", 1),
        (b"[" * 100_000, 1),
    ],
)
def test_what_is_not_a_vector_for_each_text_is_refused(body: bytes, count: int) -> None:
    with pytest.raises(InvalidResponse, match="vectors can't be read"):
        read(body, count)


def test_an_error_inside_200_is_that_error() -> None:
    with pytest.raises(APIError, match="Oh no"):
        read(b'{"error": {"message": "Oh no"}}', 1)


# --- recorded ------------------------------------------------------------------------------------


def test_every_recorded_batch_is_asked_for_and_read_as_it_was(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(exchanges(recorded, PATH)):
        given, raw = json.loads(each.request), json.loads(each.body)
        with subtests.test(str(each)):
            if each.status != 200:
                error = WIRE.parse_error(each.status, each.headers, each.body, each.target)
                assert isinstance(error, RequestRejected) or "does not exist" in error.message
                continue
            given["input"] = [given["input"]] if isinstance(given["input"], str) else given["input"]
            facts, texts = Facts(), given["input"]
            found = WIRE.parse_embeddings(each.body, len(texts), each.target, facts)
            assert found.vectors == [entry["embedding"] for entry in raw["data"]]
            assert found.usage is not None
            assert found.usage.prompt_tokens == raw["usage"]["prompt_tokens"]
            assert found.usage.total_tokens == raw["usage"]["total_tokens"]
            assert facts.model == raw["model"]
            assert (facts.cost.total if facts.cost else None) == raw["usage"].get("cost")
            if each.vendor in ROWS:
                # Of ours, base64 is the one difference: the same floats in a third of the bytes.
                request = EmbedRequest(input=texts, dimensions=given.get("dimensions"))
                target = target_of(each.vendor, model=given["model"])
                http = WIRE.build_embed_request(texts, request, target)
                assert http.url.endswith(each.path)
                ours = json.loads(http.body or b"")
                assert {**ours, "encoding_format": 0} == {**given, "encoding_format": 0}


def test_recorded_vectors_are_the_same_from_base64(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, PATH):
        if each.status == 200 and each.vendor == "openai":
            with subtests.test(str(each)):
                raw = json.loads(each.body)
                wanted = [entry["embedding"] for entry in raw["data"]]
                for entry in raw["data"]:
                    entry["embedding"] = packed(*entry["embedding"])
                assert read(json.dumps(raw).encode(), len(wanted)).vectors == wanted

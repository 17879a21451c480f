"""Lists of models, with what vendors add and leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import AIError, Authentication, InvalidResponse
from sidecar.values import ModelInfo
from tests.providers.answers import WIRE, target_of


def listed(value: object, vendor: str = "openai-compatible") -> list[ModelInfo]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return WIRE.parse_models(body, target_of(vendor)).models


def test_together_gives_the_list_bare() -> None:
    [model] = listed([{"id": "a", "display_name": "A", "context_length": 8192}], "together")
    assert (model.id, model.display_name, model.context_window) == ("a", "A", 8192)
    assert model.provider == "together"


def test_openrouter_tells_what_a_model_takes_and_gives() -> None:
    [model] = listed(
        {
            "data": [
                {
                    "id": "a/b",
                    "name": "A: B",
                    "context_length": 8192,
                    "architecture": {"input_modalities": ["text", "image", 7]},
                    "top_provider": {"max_completion_tokens": 1024},
                }
            ]
        },
        "openrouter",
    )
    assert (model.context_window, model.max_output_tokens) == (8192, 1024)
    assert (model.display_name, model.input_modalities) == ("A: B", ["text", "image"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"context_window": 4096}, 4096),
        ({"max_context_length": 4096}, 4096),
        ({"max_model_len": 4096}, 4096),
        ({"meta": {"n_ctx": 4096}}, 4096),
        ({"context_length": 0, "max_model_len": 4096}, 4096),
        ({"context_length": "unknown"}, None),
        ({"meta": [1]}, None),
    ],
)
def test_the_context_window_has_many_names(fields: dict[str, Any], expected: int | None) -> None:
    assert listed({"data": [{"id": "a", **fields}]})[0].context_window == expected


def test_capabilities_are_those_that_are_true() -> None:
    [model] = listed({"data": [{"id": "a", "capabilities": {"vision": True, "ocr": False}}]})
    assert model.capabilities == ["vision"]


def test_created_is_told_in_milliseconds() -> None:
    assert listed({"data": [{"id": "a", "created": 1700000000}]})[0].created_at == 1700000000000
    assert listed({"data": [{"id": "a", "created": "2024"}]})[0].created_at is None
    assert listed({"data": [{"id": "a", "created": 0}]})[0].created_at is None


@pytest.mark.parametrize("created", [True, 1e300, 10**30, -1, 253_402_300_800, "x", [1]])
def test_a_time_that_is_none_is_left_out(created: object) -> None:
    assert listed({"data": [{"id": "a", "created": created}]})[0].created_at is None


@pytest.mark.parametrize("name", ["max_completion_tokens", "context_window"])
@pytest.mark.parametrize("count", [True, -1, 0, 1.5, 1e300, 10**30, [1]])
def test_a_count_that_is_none_is_left_out(name: str, count: object) -> None:
    [model] = listed({"data": [{"id": "a", name: count}]})
    assert (model.max_output_tokens, model.context_window) == (None, None)


def test_capabilities_in_a_list_are_kept() -> None:
    [model] = listed({"data": [{"id": "a", "capabilities": ["vision", 7, "ocr"]}]})
    assert model.capabilities == ["vision", "ocr"]


@pytest.mark.parametrize("odd", ["NaN", "-Infinity", "1e999", r'"\ud83d"', '"a\tb"', '"a\x00b"'])
@pytest.mark.parametrize("form", ['{"data": [%s]}', "[%s]"])
def test_what_strict_json_refuses_does_not_cost_the_list(odd: str, form: str) -> None:
    entries = f'{{"id": "a"}}, {{"id": "b", "created": {odd}, "owned_by": {odd}}}'
    models = listed((form % entries).encode())
    assert [each.id for each in models] == ["a", "b"]
    assert models[1].created_at is None


def test_broken_utf_8_and_a_byte_order_mark_do_not_cost_the_list() -> None:
    assert listed(b'\xef\xbb\xbf{"data": [{"id": "a\xff"}]}')[0].id == "a\ufffd"


def test_no_models_is_an_empty_list() -> None:
    assert listed({"data": []}) == listed({"data": None}) == listed([]) == []


def test_an_entry_that_is_none_does_not_cost_the_others() -> None:
    assert [each.id for each in listed({"data": [7, {"name": "x"}, {"id": "a"}]})] == ["a"]


def test_an_error_inside_a_200_is_that_error() -> None:
    with pytest.raises(Authentication, match="bad key"):
        listed({"error": {"message": "bad key", "code": "invalid_api_key"}})


@pytest.mark.parametrize(
    "body", [b"", b"<html><title>Sign in</title>", b"{}", b"[7]", b"[" * 50_000, b'{"data":7}']
)
def test_what_is_no_list_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        listed(body)


@given(body=st.binary())
def test_whatever_comes_the_outcome_is_a_list_or_a_typed_error(body: bytes) -> None:
    try:
        listed(body)
    except AIError as error:
        error.to_object()

"""Lists of models, with what vendors add and leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import AIError, Authentication, InvalidResponse
from sidecar.values import ModelInfo, ModelPrices
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


def test_openrouter_tells_what_a_model_can_do() -> None:
    given = {
        "architecture": {"output_modalities": ["text"]},
        "supported_parameters": ["tools", "temperature", "reasoning"],
    }
    models = [{"id": "a", **given}, {"id": "b"}, {"id": "c", "supported_parameters": []}]
    [model, silent, plain] = listed({"data": models}, "openrouter")
    assert (model.tools, model.structured_output, model.reasoning) == (True, False, True)
    assert model.output_modalities == ["text"]
    assert (silent.tools, silent.structured_output, silent.reasoning) == (None, None, None)
    assert (plain.tools, plain.structured_output, plain.reasoning) == (False, False, False)


def test_mistral_tells_who_calls_tools_and_who_goes_when() -> None:
    given = {"capabilities": {"function_calling": False}, "deprecation": "2026-12-31T12:00:00Z"}
    [model] = listed({"data": [{"id": "a", **given}]}, "mistral")
    assert (model.tools, model.deprecation_date) == (False, "2026-12-31")
    [odd] = listed({"data": [{"id": "a", "deprecation": "soon", "capabilities": 5}]}, "mistral")
    assert (odd.tools, odd.deprecation_date) == (None, None)


@pytest.mark.parametrize(
    ("vendor", "pricing", "expected"),
    [
        (
            "openrouter",
            {
                "prompt": "0.00000015",
                "completion": "0.0000006",
                "request": "0",
                "input_cache_read": "0.000000075",
                "input_cache_write": "0.0000001875",
            },
            ModelPrices(
                currency="USD", input=0.15, output=0.6, cache_read=0.075, cache_write=0.1875
            ),
        ),
        (
            "openrouter",  # a model that costs nothing
            {"prompt": "0", "completion": "0"},
            ModelPrices(currency="USD", input=0.0, output=0.0),
        ),
        ("openrouter", {"prompt": "-1", "completion": "-1"}, None),
        (
            "together",
            {"hourly": 0, "input": 0.88, "output": 1.1, "base": 0, "finetune": 0},
            ModelPrices(currency="USD", input=0.88, output=1.1),
        ),
        ("together", {"hourly": 0, "input": 0, "output": 0, "base": 0, "finetune": 0}, None),
        ("openai-compatible", {"prompt": "0.1", "input": 0.1}, None),
        ("openrouter", {"prompt": "NaN", "completion": "Infinity"}, None),
        ("openrouter", {"prompt": "1e999999"}, None),
        ("openrouter", {"prompt": "1e400", "completion": "9" * 100_000}, None),
        ("openrouter", {"prompt": True, "completion": ["0.1"]}, None),
        ("openrouter", "free", None),
    ],
)
def test_prices_are_of_a_million_tokens_where_it_is_known_what_they_are_for(
    vendor: str, pricing: object, expected: ModelPrices | None
) -> None:
    assert listed({"data": [{"id": "a", "pricing": pricing}]}, vendor)[0].prices == expected


def test_together_tells_which_models_make_vectors() -> None:
    models = listed([{"id": kind, "type": kind} for kind in ("chat", "embedding", "image")])
    assert [model.kind for model in models] == ["chat", "embedding", None]


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

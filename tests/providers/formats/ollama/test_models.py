"""The list of models, with what newer servers tell of each."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import AIError, APIError, InvalidResponse
from sidecar.values import ModelInfo
from tests.providers.formats.ollama.saying import WIRE, target


def listed(value: object) -> list[ModelInfo]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    page = WIRE.parse_models(body, target())
    assert page.next is None
    return page.models


def test_a_model_tells_its_context_and_what_it_can() -> None:
    [model] = listed(
        {
            "models": [
                {
                    "name": "qwen3:4b",
                    "model": "qwen3:4b",
                    "size": 1,
                    "details": {"family": "qwen3", "context_length": 40_960},
                    "capabilities": ["completion", "tools", "thinking", "vision"],
                }
            ]
        }
    )
    assert model == ModelInfo(
        id="qwen3:4b",
        provider="ollama",
        context_window=40_960,
        capabilities=["completion", "tools", "thinking", "vision"],
        input_modalities=["text", "image"],
    )


def test_an_older_server_tells_names_alone() -> None:
    assert listed({"models": [{"name": "a", "details": {"family": "llama"}}]}) == [
        ModelInfo(id="a", provider="ollama")
    ]


@pytest.mark.parametrize("value", [{"models": []}, {"models": None}])
def test_a_server_without_a_model_has_none(value: object) -> None:
    assert listed(value) == []


def test_an_entry_without_a_name_costs_no_other() -> None:
    found = listed({"models": [7, {}, {"name": ""}, {"name": None}, {"name": "a"}]})
    assert [model.id for model in found] == ["a"]


@pytest.mark.parametrize(
    "value", [b"", b"<html>", {}, [], {"models": 7}, {"models": [7]}, {"data": []}]
)
def test_a_list_that_is_none_is_an_invalid_response(value: object) -> None:
    with pytest.raises(InvalidResponse):
        listed(value)


def test_an_error_in_its_place_is_that_error() -> None:
    with pytest.raises(APIError, match="no"):
        listed({"error": "no"})


@given(data=st.binary(max_size=100))
def test_any_bytes_are_a_list_or_a_typed_error(data: bytes) -> None:
    try:
        listed(data)
    except AIError as error:
        error.to_object()

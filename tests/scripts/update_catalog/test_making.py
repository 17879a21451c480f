"""The catalogue's making: limits, modalities and abilities, and how the rows are filed."""

from __future__ import annotations

import pytest

from sidecar.providers.known_models import KnownModel, KnownPrices
from tests.scripts.update_catalog.small import HOST, cost, known, make, priced, row


def test_limits_modalities_and_abilities_are_as_the_list_says() -> None:
    said = row(
        max_output_tokens=500,
        supports_vision=True,
        supports_pdf_input=True,
        supports_audio_output=True,
        supports_function_calling=True,
        supports_response_schema=False,
        deprecation_date="2027-01-01",
    )
    assert known("a", {"them/a": said}, []) == KnownModel(
        kind="chat",
        context_window=1000,
        max_output_tokens=500,
        input_modalities=["text", "image", "file"],
        output_modalities=["text", "audio"],
        tools=True,
        structured_output=False,
        deprecation_date="2027-01-01",
    )


def test_what_the_list_does_not_say_is_not_known() -> None:
    assert known("a", {"them/a": row()}, []) == KnownModel(kind="chat", context_window=1000)


def test_modalities_are_those_of_both_ways_to_say_them() -> None:
    said = row(supported_modalities=["image", "text", "smell"], supports_audio_input=True)
    found = known("a", {"them/a": said}, [])
    assert found
    assert (found.input_modalities, found.output_modalities) == (
        ["text", "image", "audio"],
        ["text"],
    )


def test_an_embedding_model_gives_vectors_and_nothing_costs_for_them() -> None:
    said = row(mode="embedding", max_output_tokens=1000, **cost(input=1, output=0))
    assert known("a", {"them/a": said}, [priced("a")]) == KnownModel(
        kind="embedding",
        context_window=1000,
        input_modalities=["text"],
        output_modalities=["embedding"],
        prices=KnownPrices(input=1),
    )


@pytest.mark.parametrize("mode", ["image_generation", "audio_speech", "rerank", None])
def test_models_for_something_else_are_left_out_even_if_they_have_a_price(mode: str | None) -> None:
    assert known("a", {"them/a": row(mode=mode)}, [priced("a")]) is None


@pytest.mark.parametrize("name", ["other/a", "a"])
def test_rows_of_others_and_rows_of_no_model_are_left_out(name: str) -> None:
    assert (
        make({name: row(), "them/b": row(litellm_provider="x")}, []).hosts[HOST.name].models == {}
    )


def test_what_is_impossible_is_left_out_and_told() -> None:
    told: list[str] = []
    rows = {
        "them/a": row(max_output_tokens=1001, **cost(input=1, output=2, cache_read=3)),
        "them/b": row(max_input_tokens=-1, deprecation_date="soon", **cost(input=2, cache_write=1)),
    }
    found = make(rows, [], told).hosts[HOST.name].models
    assert found["a"].max_output_tokens is None
    assert found["a"].prices == KnownPrices(input=1, output=2)
    assert found["b"] == KnownModel(kind="chat", prices=KnownPrices(input=2))
    assert [each.partition(" left")[0] for each in told] == [
        "api.example.com, a: max_output",
        "api.example.com, a: cache_read",
        "api.example.com, b: cache_write",
    ]


def test_a_row_that_says_nothing_is_none() -> None:
    assert known("a", {"them/a": row(max_input_tokens=None)}, []) is None


def test_the_whole_name_counts_before_the_short_one_wherever_it_stands() -> None:
    whole, short = row(max_input_tokens=2), row(max_input_tokens=3)
    for rows in (
        {"them/whole/a": whole, "them/a": short},
        {"them/a": short, "them/whole/a": whole},
    ):
        found = known("a", rows, [priced("whole/a")])
        assert found
        assert found.context_window == 2
        assert found.prices


def test_models_of_which_the_same_is_known_are_filed_once() -> None:
    host = make({"them/a-long": row(), "them/a": row(), "them/b": row(max_input_tokens=1)}, [])
    found = host.hosts[HOST.name]
    assert (list(found.models), found.alike) == (["a", "b"], {"a-long": "a"})


def test_the_file_is_dated_and_names_its_sources() -> None:
    file = make({}, [])
    assert file.date == "2026-06-30"
    assert set(file.sources) == {"genai-prices", "litellm"}

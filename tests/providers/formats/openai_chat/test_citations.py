"""Sources: told once each, in the order in which the text counts them."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.values import Citation
from tests.providers.answers import delta, events, streamed
from tests.providers.formats.openai_chat.saying import USAGE, Json, say

SOURCES: list[Json] = [
    {"url": "https://a.example", "title": "A", "snippet": "of a", "date": "2025-01-01"},
    {"url": "https://b.example", "title": "B", "snippet": "", "date": None},
]
CITED = [
    Citation(url="https://a.example", title="A", text="of a", date="2025-01-01"),
    Citation(url="https://b.example", title="B"),
]


def test_perplexitys_list_in_every_chunk_is_told_once_in_its_order() -> None:
    more = {"citations": [each["url"] for each in SOURCES], "search_results": SOURCES}
    response = say(
        {**delta(content="a[1]"), **more, "usage": USAGE},
        {**delta(content="b[2]"), **more, "usage": {**USAGE, "completion_tokens": 9}},
        {**delta("stop"), **more},
        vendor="perplexity",
    )
    assert response.citations == CITED
    assert response.content == "a[1]b[2]"
    assert response.usage is not None
    assert response.usage.completion_tokens == 9


def test_perplexitys_message_beside_the_delta_is_not_said_again() -> None:
    def chunk(piece: str, so_far: str, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": {"content": piece}, "message": {"content": so_far}}
        return {"choices": [{**choice, "finish_reason": finish}]}

    assert say(chunk("a", "a"), chunk("b", "ab"), chunk("", "ab", "stop")).content == "ab"


def test_a_list_of_sources_that_grows_tells_what_is_new() -> None:
    response = say(
        {**delta(content="a"), "search_results": SOURCES[:1]},
        {**delta("stop"), "search_results": SOURCES},
    )
    assert response.citations == CITED


def test_a_source_that_stands_in_the_list_twice_keeps_its_number() -> None:
    urls = ["https://a.example", "https://b.example", "https://a.example"]
    response = say({**delta(content="a"), "citations": urls}, {**delta("stop"), "citations": urls})
    assert [each.url for each in response.citations or ()] == urls


def test_results_that_no_citation_names_are_kept() -> None:
    response = say({**delta("stop"), "citations": ["https://b.example"], "search_results": SOURCES})
    assert [each.url for each in response.citations or ()] == [
        "https://b.example",
        "https://a.example",
    ]


def test_annotations_are_citations_with_their_place() -> None:
    note: Json = {
        "type": "url_citation",
        "url_citation": {
            "url": "https://a.example",
            "title": "A",
            "start_index": 0,
            "end_index": 1,
        },
    }
    response = say(delta("stop", content="a", annotations=[note, note, {"type": "other"}, 7]))
    assert response.citations == [
        Citation(url="https://a.example", title="A", start_index=0, end_index=1)
    ]


def test_a_source_without_an_address_is_kept_and_one_without_anything_is_told() -> None:
    notes = [
        {"type": "url_citation", "url_citation": {"title": "A book", "end_index": 1}},
        {"type": "url_citation", "url_citation": {"start_index": 1}},
    ]
    response = say(delta("stop", content="a", annotations=notes))
    assert response.citations == [Citation(title="A book", end_index=1)]
    assert response.warnings == ["A citation was left out: it names no source."]


def urls_of(*chunks: Json) -> list[str]:
    response = say(*({**delta(content="x"), **chunk} for chunk in chunks), delta("stop"))
    return [each.url or "" for each in response.citations or ()]


def test_each_place_in_a_growing_list_is_told_once_also_where_titles_come_later() -> None:
    titled = [{"url": url, "title": url.upper()} for url in "abc"]
    chunks, response = streamed(
        events(
            {**delta(content="x[1]"), "citations": ["a", "b"]},
            {
                **delta("stop", content="[3]"),
                "citations": ["a", "b", "c"],
                "search_results": titled,
            },
        )
    )
    assert [each.citations for each in chunks if each.citations] == [
        [Citation(url="a"), Citation(url="b")],
        [Citation(url="c", title="C")],
    ]
    assert response.citations == [
        Citation(url="a"),
        Citation(url="b"),
        Citation(url="c", title="C"),
    ]


def test_results_without_a_number_shift_no_number() -> None:
    results: list[Json] = [{"url": "a"}, {"url": "z"}]
    first: Json = {"citations": ["a"], "search_results": results}
    then: Json = {"citations": ["a", "b"], "search_results": results}
    assert urls_of(first, then) == ["a", "b", "z"]


def test_a_list_that_becomes_shorter_or_another_moves_nothing() -> None:
    def cited(*urls: str) -> Json:
        return {"citations": list(urls)}

    assert urls_of(cited("a", "b"), cited("a"), cited("a", "b", "c")) == ["a", "b", "c"]
    assert urls_of(cited("a", "b"), cited("b", "c")) == ["a", "b", "c"]


@pytest.mark.parametrize("place", [True, -1, 1.5, "x", [1], None])
def test_a_place_that_is_none_is_left_out(place: Any) -> None:  # noqa: ANN401 - any JSON
    note = {"type": "url_citation", "url_citation": {"url": "a", "end_index": place}}
    response = say(delta("stop", content="a", annotations=[note]))
    assert response.citations == [Citation(url="a")]

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.gemini.citations import MAX_SIZE, MAX_SOURCES
from sidecar.values import Citation
from tests.providers.formats.gemini.saying import part_of, say

Json = dict[str, Any]
SAID = "Zürich won. 😀 Bern lost."
WON = {"startIndex": 0, "endIndex": 12, "text": "Zürich won."}
LOST = {"startIndex": 18, "endIndex": 28, "text": "Bern lost."}


def web(number: int) -> Json:
    return {"web": {"uri": f"https://{number}.example", "title": f"T{number}"}}


def support(segment: Json, *places: int) -> Json:
    return {"segment": segment, "groundingChunkIndices": list(places)}


def grounded(*supports: Json, chunks: list[Any], **more: object) -> Json:
    return {"groundingChunks": chunks, "groundingSupports": list(supports), **more}


def told(metadata: Json, said: str = SAID, **fields: object) -> list[Citation] | None:
    response = say(
        part_of({"text": said[:9]}),
        part_of({"text": said[9:]}, finish="STOP", groundingMetadata=metadata, **fields),
    )
    return response.citations


def at(number: int, start: int | None = None, end: int | None = None) -> Citation:
    return Citation(
        url=f"https://{number}.example", title=f"T{number}", start_index=start, end_index=end
    )


def test_indexes_of_bytes_become_those_of_characters() -> None:
    chunks = [web(0), web(1)]
    found = told(grounded(support(WON, 0, 1), support(LOST, 1), chunks=chunks))
    assert found == [at(0, 0, 11), at(1, 0, 11), at(1, 14, 24)]
    assert [SAID[each.start_index : each.end_index] for each in found] == [
        "Zürich won.", "Zürich won.", "Bern lost.",
    ]  # fmt: skip


def test_indexes_of_another_part_are_found_by_their_words() -> None:
    segment = {"partIndex": 1, "startIndex": 0, "endIndex": 10, "text": "Bern lost."}
    assert told(grounded(support(segment, 0), chunks=[web(0)])) == [at(0, 14, 24)]
    segment = {"endIndex": 4, "text": "Not there"}
    assert told(grounded(support(segment, 0), chunks=[web(0)])) == [at(0)]


def test_indexes_without_words_count_from_the_beginning() -> None:
    assert told(grounded(support({"endIndex": 12}, 0), chunks=[web(0)])) == [at(0, 0, 11)]
    assert told(grounded(support({"endIndex": 1200}, 0), chunks=[web(0)])) == [at(0)]
    assert told(grounded(support({}, 0), chunks=[web(0)])) == [at(0)]


def test_a_source_that_bears_nothing_out_is_told_without_indexes() -> None:
    assert told(grounded(support(WON, 1), chunks=[web(0), web(1)])) == [at(1, 0, 11), at(0)]


def test_sources_that_come_again_and_again_are_told_once_at_the_end() -> None:
    metadata = grounded(support(WON, 0), chunks=[web(0)])
    response = say(
        part_of({"text": "Zürich"}, groundingMetadata=metadata),
        part_of({"text": " won."}, groundingMetadata=metadata),
        part_of(finish="STOP", groundingMetadata=metadata),
    )
    assert response.citations == [at(0, 0, 11)]


def test_places_on_a_map_and_retrieved_texts_are_sources() -> None:
    maps = {"maps": {"uri": "https://m", "title": "M", "text": "A café"}}
    kept = {"retrievedContext": {"uri": "https://r", "text": "R"}}
    picture = {"image": {"sourceUri": "https://i", "title": "I"}}
    assert told(grounded(chunks=[maps, kept, picture])) == [
        Citation(url="https://m", title="M", text="A café"),
        Citation(url="https://r", text="R"),
        Citation(url="https://i", title="I"),
    ]


def test_what_has_no_place_is_told() -> None:
    metadata = grounded(
        chunks=[{"web": {"title": "nameless"}}, {"novel": {}}],
        searchEntryPoint={"renderedContent": "<div>"},
        webSearchQueries=["q"],
    )
    response = say(part_of({"text": "a"}, finish="STOP", groundingMetadata=metadata,
                           urlContextMetadata={"urlMetadata": [{}]}))  # fmt: skip
    assert response.citations is None
    said = " ".join(response.warnings or ())
    for name in (
        "searchEntryPoint",
        "webSearchQueries",
        "urlContextMetadata",
        "without an address",
    ):
        assert name in said


def test_quoted_sources_are_citations() -> None:
    sources = [
        {"startIndex": 0, "endIndex": 12, "uri": "https://a", "license": "MIT"},
        {"uri": "https://b", "title": "B", "publicationDate": {"year": 2024, "month": 5, "day": 1}},
        {"startIndex": 3, "endIndex": 9},
    ]
    for name in ("citationSources", "citations"):
        response = say(part_of({"text": SAID}, finish="STOP", citationMetadata={name: sources}))
        assert response.citations == [
            Citation(url="https://a", start_index=0, end_index=11),
            Citation(url="https://b", title="B", date="2024-05-01"),
        ]
        assert len(response.warnings or ()) == 2


def test_metadata_of_other_kinds_is_no_source() -> None:
    for odd in (7, [1], {"groundingChunks": 7, "groundingSupports": [7, {"segment": 7}]},
                {"groundingChunks": [], "groundingSupports": [support(WON, 5, -1)]},
                {"groundingChunks": [web(0)], "groundingSupports": [
                    {"segment": WON, "groundingChunkIndices": ["x", None, 99]}]}):  # fmt: skip
        response = say(part_of({"text": "a"}, finish="STOP", groundingMetadata=odd))
        assert response.citations in (None, [at(0)])
        assert response.content == "a"


def test_sources_are_bounded_and_that_is_told() -> None:
    many = [web(number) for number in range(MAX_SOURCES + 5)]
    response = say(part_of({"text": "a"}, finish="STOP", groundingMetadata=grounded(chunks=many)))
    assert len(response.citations or ()) == MAX_SOURCES
    assert "left out" in (response.warnings or [""])[0]
    huge = [{"web": {"uri": f"https://{n}", "title": "t" * (MAX_SIZE // 3)}} for n in range(5)]
    response = say(
        part_of({"text": "a"}, finish="STOP", groundingMetadata=grounded(chunks=huge[:1])),
        part_of(groundingMetadata=grounded(chunks=huge[1:3])),
        part_of(groundingMetadata=grounded(chunks=huge[3:])),
    )
    assert len(response.citations or ()) == 2

"""Refusals, sources, log probabilities, and what there is no place for."""

from __future__ import annotations

import pytest

from sidecar.values import Citation
from tests.providers.formats.openai_responses.answering import (
    added,
    answer,
    body,
    delta,
    done,
    end,
    message,
    output_text,
    say,
)

HI = message(output_text("Hi"))
TEXT_DONE = {"type": "response.output_text.done", "output_index": 0, "text": "Hi"}

# --- refusals, citations, logprobs ---------------------------------------------------------------


def test_a_refusal_is_kept_apart() -> None:
    item = message({"type": "refusal", "refusal": "I can't."})
    response = say(delta("refusal", "I "), delta("refusal", "can't."), done(item), end(item))
    assert (response.content, response.refusal) == ("", "I can't.")
    assert response.finish_reason == "stop"
    assert answer(body(item)) == response


URL = {
    "type": "url_citation",
    "url": "https://a.example",
    "title": "A",
    "start_index": 1,
    "end_index": 3,
}


def test_sources_come_once_with_their_place_in_the_whole_content() -> None:
    item = message(output_text("Rain.", URL), number=2)
    response = say(
        delta("output_text", "See: ", item_id="msg_1"),
        delta("output_text", "Rain.", 1, item_id="msg_2"),
        {
            "type": "response.output_text.annotation.added",
            "output_index": 1,
            "content_index": 0,
            "annotation": URL,
        },
        done(item, 1),
        end(message(output_text("See: ")), item),
    )
    assert response.citations == [
        Citation(url="https://a.example", title="A", start_index=6, end_index=8)
    ]


@pytest.mark.parametrize(
    ("annotation", "places"),
    [
        ({"type": "file_citation", "index": 2}, (2, 2)),
        ({"type": "container_file_citation", "start_index": 0, "end_index": 2}, (0, 2)),
        ({"type": "file_path", "index": 0}, (None, None)),
    ],
)
def test_files_of_the_providers_are_sources_without_an_address(
    annotation: dict[str, object], places: tuple[int | None, int | None]
) -> None:
    given = annotation | {"file_id": "file-1", "filename": "a.pdf"}
    title = "a.pdf"
    assert answer(body(message(output_text("Hi", given)))).citations == [
        Citation(url="urn:file:file-1", title=title, start_index=places[0], end_index=places[1])
    ]


def test_a_source_without_an_address_is_kept_and_one_without_anything_is_told() -> None:
    titled, bare = {"title": "A book"}, {"start_index": 1}
    notes = [{"type": "url_citation", **each} for each in (titled, bare)]
    response = answer(body(message(output_text("Hi", *notes))))
    assert response.citations == [Citation(title="A book")]
    assert response.warnings == ["A citation was left out: it names no source."]


def test_what_azures_filters_have_found_is_named() -> None:
    found = [
        {"source_type": "prompt", "content_filter_results": {"hate": {"filtered": False}}},
        {
            "source_type": "completion",
            "content_filter_results": {"violence": {"filtered": True, "severity": "high"}},
        },
    ]
    why = {"reason": "content_filter"}
    response = answer(body(HI, status="incomplete", incomplete_details=why, content_filters=found))
    assert response.finish_reason == "content_filter"
    assert response.warnings == [
        "The provider's content filter was set off by the answer: violence (high)."
    ]


def test_an_unknown_annotation_is_told_of() -> None:
    response = answer(body(message(output_text("Hi", {"type": "telepathy"}))))
    assert response.citations is None
    assert response.warnings == ["An annotation of type 'telepathy' is unknown and was left out."]


def test_logprobs_are_kept_once() -> None:
    entries = [{"token": "H", "logprob": -0.1}, {"token": "i", "logprob": -0.2}]
    text = output_text("Hi") | {"logprobs": entries}
    response = say(
        delta("output_text", "H", logprobs=entries[:1]),
        delta("output_text", "i", logprobs=entries[1:]),
        TEXT_DONE | {"logprobs": entries},
        done(message(text)),
        end(message(text)),
    )
    assert response.logprobs == {"content": entries}
    assert answer(body(message(text))).logprobs == {"content": entries}


# --- what there is no place for ------------------------------------------------------------------


def test_what_the_providers_own_tools_do_is_told_once_in_a_warning() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    response = say(
        added(search),
        {"type": "response.web_search_call.in_progress", "output_index": 0, "item_id": "ws_1"},
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        {"type": "response.web_search_call.completed", "output_index": 0, "item_id": "ws_1"},
        {"type": "response.code_interpreter_call_code.delta", "delta": "print(1)"},
        {"type": "response.mcp_list_tools.in_progress"},
        {"type": "response.image_generation_call.partial_image", "partial_image_b64": "aGk="},
        {"type": "keepalive", "sequence_number": 3},
        done(search),
        done(HI, 1),
        end(search, HI),
    )
    assert response.content == "Hi"
    assert response.warnings == [
        "What the provider sent as `web_search_call` was left out; AIResponse has no place for it."
    ]


def test_an_unknown_event_and_an_unknown_part_are_told_of() -> None:
    response = say(
        {"type": "response.smell.delta", "delta": "roses"},
        done(message({"type": "smell", "smell": "roses"}, output_text("Hi"))),
        end(),
    )
    assert response.content == "Hi"
    assert response.warnings == [
        "An event of type 'response.smell.delta' is unknown and was left out.",
        "A content part of type 'smell' is unknown and was left out.",
    ]

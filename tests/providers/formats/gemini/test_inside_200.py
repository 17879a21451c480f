from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    AIError,
    APIError,
    InvalidResponse,
    Overloaded,
    RateLimited,
)
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.values import Reasoning
from tests.providers.formats.gemini.saying import (
    WIRE,
    answer,
    events,
    google,
    part_of,
    say,
    streamed,
)

Json = dict[str, Any]
STOP = part_of(finish="STOP")
FAILURE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def text(said: str, **fields: object) -> Json:
    return {"text": said, **fields}


@pytest.mark.parametrize("failure", [FAILURE, [FAILURE]])
def test_an_error_inside_200_is_the_error_it_is(failure: object) -> None:
    for body in (events(failure), json.dumps(failure).encode()):
        with pytest.raises(Overloaded) as caught:
            streamed(body) if body.startswith(b"data") else answer(body)
        assert caught.value.provider_message == "The model is overloaded."
        assert (caught.value.status, caught.value.provider) == (503, "google")


def test_words_before_an_error_are_told_first() -> None:
    decoder = WIRE.decoder(google(), Facts())
    said = decoder.feed(Event("", json.dumps(part_of(text("Hel"))).encode()))
    assert [chunk.content for chunk in said] == ["Hel"]
    with pytest.raises(Overloaded):
        decoder.feed(Event("", json.dumps(FAILURE).encode()))
    both = WIRE.decoder(google(), Facts())
    said = both.feed(Event("", json.dumps(part_of(text("Hel")) | FAILURE).encode()))
    assert [chunk.content for chunk in said] == ["Hel"]
    assert both.done
    with pytest.raises(Overloaded):
        both.flush()


def test_an_event_of_the_name_error_is_one() -> None:
    with pytest.raises(APIError):
        streamed(b'event: error\ndata: {"message": "boom"}\n\n')
    with pytest.raises(RateLimited):
        streamed(b"event: error\ndata: too many requests\n\n")


@pytest.mark.parametrize(
    "data",
    ["{", "nonsense", "[1]", '"text"', "7", '{"candidates": 7}', '{"candidates": [7]}', "<html>",
     '{"candidates": [[]]}'],
)  # fmt: skip
def test_what_is_no_answer_is_refused_with_its_beginning(data: str) -> None:
    with pytest.raises(InvalidResponse) as caught:
        say(data)
    assert caught.value.provider_message
    with pytest.raises(InvalidResponse):
        answer(data.encode())


def test_an_error_behind_words_in_an_array_is_the_error() -> None:
    with pytest.raises(Overloaded, match="The model is overloaded"):
        answer(json.dumps([part_of(text("Hel")), FAILURE]).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"  \n", b"{}", b"[]", b'{"usageMetadata": {}}', b'{"candidates": []}',
     b'{"promptFeedback": {"safetyRatings": []}}'],
)  # fmt: skip
def test_a_whole_answer_without_candidates_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        answer(body)


def test_broken_bytes_behind_the_end_cost_no_answer() -> None:
    response = say(part_of(text("a"), finish="STOP"), "{broken")
    assert response.content == "a"
    assert "can't be read" in (response.warnings or [""])[0]


def test_heartbeats_are_no_answer() -> None:
    body = b"event: ping\ndata: tick\n\n: comment\n\ndata:\n\n" + events(part_of(text("a")), STOP)
    assert streamed(body)[1].content == "a"


def test_a_character_torn_between_two_events_is_whole_again() -> None:
    response = say(part_of(text("a\ud83d")), part_of(text("\ude00b")), STOP)
    assert response.content == "a😀b"
    thought = say(
        part_of(text("\ud83d", thought=True)), part_of(text("\ude00", thought=True)), STOP
    )
    assert thought.reasoning == "😀"
    assert thought.message.reasoning == [Reasoning(text="😀", origin="gemini")]
    alone = say(part_of(text("a\ud83d")), STOP)
    assert alone.content == "a�"


def test_ids_and_names_of_other_kinds_are_none() -> None:
    odd = {"modelVersion": 7, "responseId": ["r"]}
    response = say(part_of(text("a"), finish="STOP") | odd)
    assert (response.model, response.response_id) == ("gemini-3-flash-preview", None)


def test_logprobs_have_the_contracts_form() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "tokenId": 1, "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1.5}]}],
    }
    response = say(part_of(text("a"), finish="STOP", logprobsResult=result))
    top = [{"token": "b", "logprob": -1.5}]
    assert response.logprobs == {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": top}]}
    assert say(part_of(text("a"), finish="STOP", logprobsResult=[7])).logprobs is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["STOP", "$.a", "AUDIO"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["candidates", "content", "parts", "text", "thought", "thoughtSignature",
                         "functionCall", "name", "args", "partialArgs", "jsonPath", "stringValue",
                         "willContinue", "finishReason", "index", "usageMetadata", "error",
                         "promptTokenCount", "promptFeedback", "blockReason", "groundingMetadata",
                         "groundingChunks", "groundingSupports", "segment", "web", "uri",
                         "groundingChunkIndices", "citationMetadata", "citationSources",
                         "logprobsResult", "chosenCandidates", "promptTokensDetails", "details"]),
        inner, max_size=4),
    max_leaves=30,
)  # fmt: skip


@given(st.lists(ANY, max_size=4))
def test_any_json_gives_an_answer_or_a_typed_error(objects: list[object]) -> None:
    bodies = [json.dumps(each) for each in objects]
    try:
        _, response = streamed(events(*bodies, STOP))
    except AIError:
        return
    json.dumps(response.content)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_typed_error(data: bytes) -> None:
    for decode in (streamed, answer):
        try:
            decode(data)
        except AIError as error:
            assert error.hint  # noqa: PT017 - either is fine

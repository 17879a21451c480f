from __future__ import annotations

from typing import Any

import pytest

from sidecar.providers.formats.gemini import usage
from sidecar.providers.sink import Facts
from sidecar.values import TokenUsage
from tests.providers.formats.gemini.saying import events, part_of, say, streamed

Json = dict[str, Any]


def read(**given: object) -> TokenUsage:
    found = usage.read(given, Facts())
    assert found is not None
    return found


def test_thoughts_count_as_completion_and_the_results_of_tools_as_prompt() -> None:
    assert read(
        promptTokenCount=89, candidatesTokenCount=30, thoughtsTokenCount=85,
        toolUsePromptTokenCount=112, cachedContentTokenCount=40, totalTokenCount=316,
    ) == TokenUsage(
        prompt_tokens=201, completion_tokens=115, total_tokens=316, cached_tokens=40,
        reasoning_tokens=85,
    )  # fmt: skip


def test_an_answer_of_thoughts_alone_has_no_candidates_count() -> None:
    found = read(promptTokenCount=15, thoughtsTokenCount=60, totalTokenCount=75)
    assert (found.completion_tokens, found.reasoning_tokens) == (60, 60)


def test_sound_is_counted_on_both_sides() -> None:
    found = read(
        promptTokenCount=190, candidatesTokenCount=20, totalTokenCount=210,
        promptTokensDetails=[{"modality": "TEXT", "tokenCount": 14},
                             {"modality": "AUDIO", "tokenCount": 176}],
        candidatesTokensDetails=[{"modality": "AUDIO", "tokenCount": 20}],
    )  # fmt: skip
    assert found.audio_tokens == 196


def test_a_count_that_is_missing_is_what_the_others_leave_of_the_total() -> None:
    found = read(promptTokenCount=10, totalTokenCount=15)
    assert (found.prompt_tokens, found.completion_tokens) == (10, 5)
    found = read(candidatesTokenCount=10, totalTokenCount=15)
    assert (found.prompt_tokens, found.completion_tokens) == (5, 10)
    assert read(promptTokenCount=1, candidatesTokenCount=2).total_tokens == 3


@pytest.mark.parametrize("given", [None, 7, [], {}, {"trafficType": "ON_DEMAND"}])
def test_what_holds_no_counts_is_no_usage(given: object) -> None:
    assert usage.read(given, Facts()) is None


@pytest.mark.parametrize("odd", ["many", -1, 1.5, True, 10**30, [1], {}])
def test_what_is_no_count_is_told_and_costs_no_other(odd: object) -> None:
    facts = Facts()
    found = usage.read({"promptTokenCount": odd, "candidatesTokenCount": 4}, facts)
    assert found is not None
    assert found.completion_tokens == 4
    assert "`promptTokenCount`" in facts.warnings[0]


def test_details_of_other_kinds_count_nothing() -> None:
    for details in (7, [7], [{"modality": "AUDIO", "tokenCount": "x"}], {"modality": "AUDIO"}):
        assert read(promptTokenCount=1, promptTokensDetails=details).audio_tokens is None


def test_usage_comes_with_each_event_and_the_last_counts() -> None:
    first: Json = {"usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
    last: Json = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    objects = [
        part_of({"text": "a"}) | first, part_of({"text": "b"}) | first,
        part_of(finish="STOP") | last,
    ]  # fmt: skip
    response = say(*objects)
    assert response.usage == TokenUsage(prompt_tokens=5, completion_tokens=2, total_tokens=7)
    chunks, _ = streamed(events(*objects))
    assert len([chunk for chunk in chunks if chunk.usage]) == 2

"""Counts and costs, under all their names and in every disorder."""

from __future__ import annotations

import pytest

from sidecar.providers.formats.openai_chat import usage
from sidecar.providers.sink import Facts
from sidecar.values import TokenUsage
from tests.providers.answers import delta
from tests.providers.formats.openai_chat.saying import USAGE, Json, say


def read(given: object) -> tuple[TokenUsage | None, list[str]]:
    facts = Facts()
    return usage.read(given, facts), facts.warnings


def counts(given: object) -> tuple[int, int, int] | None:
    found, _ = read(given)
    return (found.prompt_tokens, found.completion_tokens, found.total_tokens) if found else None


def test_usage_comes_in_a_chunk_of_its_own() -> None:
    response = say(delta("stop", content="a"), {"choices": [], "usage": USAGE})
    assert response.usage is not None
    assert response.usage.total_tokens == 7


def test_usage_that_is_null_everywhere_else_or_counts_up_is_the_last_one_told() -> None:
    response = say(
        {**delta(content="a"), "usage": {**USAGE, "completion_tokens": 1, "total_tokens": 4}},
        {**delta(content="b"), "usage": None},
        {**delta("stop"), "usage": USAGE},
    )
    assert response.usage is not None
    assert response.usage.completion_tokens == 4


def test_groq_tells_usage_in_a_field_of_its_own() -> None:
    response = say({**delta("stop", content="a"), "x_groq": {"id": "r", "usage": USAGE}})
    assert response.usage is not None
    assert response.usage.prompt_tokens == 3


@pytest.mark.parametrize("usage", [{}, {"total_tokens": 3}, 7, "none", [1]])
def test_usage_without_counts_is_none(usage: object) -> None:
    response = say({**delta("stop", content="a"), "usage": usage})
    assert (response.content, response.usage) == ("a", None)


def test_usage_of_the_wrong_kind_is_told_and_does_not_cost_the_answer() -> None:
    response = say({**delta("stop", content="a"), "usage": {"prompt_tokens": "many"}})
    assert (response.content, response.usage) == ("a", None)
    assert "usage" in (response.warnings or [""])[0]


def test_counts_as_text_or_with_a_point_are_counts() -> None:
    response = say(
        {**delta("stop", content="a"), "usage": {"prompt_tokens": "3", "completion_tokens": 4.0}}
    )
    assert response.usage is not None
    assert response.usage.total_tokens == 7


def test_reasoning_that_is_counted_beside_the_completion_is_counted_into_it() -> None:
    usage = {**USAGE, "total_tokens": 12, "completion_tokens_details": {"reasoning_tokens": 5}}
    response = say({**delta("stop", content="a"), "usage": usage})
    assert response.usage is not None
    assert (response.usage.completion_tokens, response.usage.reasoning_tokens) == (9, 5)
    assert response.usage.total_tokens == 12


@pytest.mark.parametrize(
    "usage",
    [
        {**USAGE, "prompt_tokens_details": {"cached_tokens": 2}},
        {**USAGE, "prompt_cache_hit_tokens": 2},
        {**USAGE, "cached_tokens": 2, "prompt_tokens_details": None},
    ],
)
def test_cached_tokens_have_three_names(usage: Json) -> None:
    response = say({**delta("stop", content="a"), "usage": usage})
    assert response.usage is not None
    assert response.usage.cached_tokens == 2


@pytest.mark.parametrize("cost", [0.5, {"total_cost": 0.5, "input_tokens_cost": 0.25}])
def test_the_cost_is_kept_where_a_vendor_tells_it(cost: object) -> None:
    response = say({**delta("stop", content="a"), "usage": {**USAGE, "cost": cost}})
    assert response.cost is not None
    assert (response.cost.total, response.cost.currency) == (0.5, "USD")


def test_usage_may_stand_in_the_choice() -> None:
    chunk = delta("stop", content="a")
    chunk["choices"][0]["usage"] = USAGE  # Moonshot
    response = say(chunk)
    assert response.usage is not None
    assert response.usage.total_tokens == 7


@pytest.mark.parametrize("details", [[], [1], "none", 7, True, {"cached_tokens": "x"}])
def test_details_that_can_not_be_read_cost_no_count(details: object) -> None:
    given = {**USAGE, "prompt_tokens_details": details, "completion_tokens_details": details}
    assert counts(given) == (3, 4, 7)


@pytest.mark.parametrize("odd", [1.5, -1, True, "many", [4], 1e300, 2**70, {"n": 4}])
def test_a_count_that_is_none_costs_no_other_and_is_told(odd: object) -> None:
    found, warnings = read({"prompt_tokens": 3, "completion_tokens": odd})
    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens) == (3, 0)
    assert "`completion_tokens`" in warnings[0]


@pytest.mark.parametrize("missing", ["prompt_tokens", "completion_tokens"])
def test_a_count_that_is_missing_is_what_the_total_leaves(missing: str) -> None:
    assert counts({**USAGE, missing: None}) == (3, 4, 7)


def test_input_and_output_are_names_of_the_counts_too() -> None:
    found, warnings = read(
        {
            "input_tokens": 3,
            "output_tokens": 4,
            "input_tokens_details": {"cached_tokens": 2},
            "output_tokens_details": {"reasoning_tokens": 1},
        }
    )
    assert found == TokenUsage(
        prompt_tokens=3, completion_tokens=4, total_tokens=7, cached_tokens=2, reasoning_tokens=1
    )
    assert warnings == []


@pytest.mark.parametrize(
    "where", [{"num_cached_tokens": 2}, {"prompt_tokens_details": {"num_cached_tokens": 2}}]
)
def test_cached_tokens_have_a_fourth_name(where: Json) -> None:
    found, _ = read({**USAGE, **where})
    assert found is not None
    assert found.cached_tokens == 2


@pytest.mark.parametrize(
    ("total", "expected"), [(7, (3, 13, 16)), (None, (3, 13, 16)), (16, (3, 13, 16))]
)
def test_more_reasoning_than_completion_was_counted_beside_it(
    total: int | None, expected: tuple[int, int, int]
) -> None:
    given = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": total}
    assert counts({**given, "reasoning_tokens": 9}) == expected
    assert counts({**given, "completion_tokens_details": {"reasoning_tokens": 9}}) == expected


def test_a_total_that_is_larger_than_its_parts_is_the_providers() -> None:
    assert counts({**USAGE, "total_tokens": 100, "reasoning_tokens": 9}) == (3, 13, 100)


def test_reasoning_within_the_completion_is_not_counted_twice() -> None:
    assert counts({**USAGE, "reasoning_tokens": 4}) == (3, 4, 7)


@pytest.mark.parametrize("cost", [True, "1", [1], {"total_cost": True}, {"total_cost": "1"}, 1e999])
def test_a_cost_that_is_no_number_is_none(cost: object) -> None:
    facts = Facts()
    usage.read({**USAGE, "cost": cost}, facts)
    assert facts.cost is None

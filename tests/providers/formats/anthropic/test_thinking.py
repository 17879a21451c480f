"""How much a model is to think, by model, and what it takes beside that."""

from __future__ import annotations

import pytest

from tests.providers.formats.anthropic.saying import Json, built

ASK = [{"role": "user", "content": "hi"}]
OLD, BETWEEN, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"
SHOWN = {"type": "adaptive", "display": "summarized"}


def asked(model: str, reasoning: Json | None = None, **fields: object) -> tuple[Json, str]:
    found, warnings = built({"messages": ASK, "reasoning": reasoning, **fields}, model)
    return found, "\n".join(warnings)


def test_nothing_is_said_of_thinking_where_nothing_was_asked() -> None:
    for model in (OLD, BETWEEN, NEW, "claude-opus-5-5"):
        found, told = asked(model)
        assert "thinking" not in found
        assert "output_config" not in found
        assert told == ""


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16_384), ("xhigh", 32_768)],
)
def test_a_word_is_a_budget_for_models_that_take_one(effort: str, budget: int) -> None:
    found, told = asked(OLD, {"effort": effort})
    assert found["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert "output_config" not in found
    assert told == ""


def test_a_budget_is_sent_as_it_is() -> None:
    for model in (OLD, BETWEEN, "kimi-k3"):
        found, told = asked(model, {"max_tokens": 3000}, max_tokens=9000)
        assert found["thinking"] == {"type": "enabled", "budget_tokens": 3000}
        assert found["max_tokens"] == 9000
        assert told == ""


def test_a_budget_below_the_least_is_raised_and_told() -> None:
    found, told = asked(OLD, {"max_tokens": 7})
    assert found["thinking"]["budget_tokens"] == 1024
    assert "1024" in told


def test_a_budget_stays_below_the_limit() -> None:
    found, told = asked(OLD, {"max_tokens": 3000}, max_tokens=2000)
    assert (found["thinking"]["budget_tokens"], found["max_tokens"]) == (1999, 2000)
    assert "within `max_tokens`" in told


def test_a_limit_that_leaves_no_room_to_think_is_told() -> None:
    found, told = asked(OLD, {"effort": "low"}, max_tokens=1024)
    assert "thinking" not in found
    assert "no room to think" in told


def test_a_limit_that_was_not_asked_for_grows_by_the_budget() -> None:
    found, told = asked("glm-6", {"effort": "high"})
    assert found["max_tokens"] == 8192 + 16_384
    assert told == ""


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_a_word_is_an_effort_for_models_that_decide_themselves(effort: str) -> None:
    found, told = asked(BETWEEN, {"effort": effort})
    assert found["thinking"] == {"type": "adaptive"}
    assert found["output_config"] == {"effort": effort}
    found, told = asked(NEW, {"effort": effort})
    assert found["thinking"] == SHOWN
    assert found["output_config"] == {"effort": effort}
    assert told == ""


def test_to_think_without_a_measure_is_left_to_the_model() -> None:
    found, told = asked(NEW, {})
    assert found["thinking"] == SHOWN
    assert "output_config" not in found
    assert asked(OLD, {})[0]["thinking"] == {"type": "enabled", "budget_tokens": 8192}
    assert told == ""


def test_one_that_takes_both_gets_both() -> None:
    found, told = asked("claude-opus-4-5", {"effort": "low"})
    assert found["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert found["output_config"] == {"effort": "low"}
    assert told == ""


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        (NEW, "minimal", "low"),
        (NEW, "xhigh", None),
        (BETWEEN, "xhigh", "high"),
        ("claude-opus-4-5", "xhigh", "high"),
    ],
)
def test_an_effort_that_a_model_does_not_know_is_the_nearest_and_told(
    model: str, effort: str, sent: str | None
) -> None:
    found, told = asked(model, {"effort": effort})
    assert found["output_config"] == {"effort": sent or effort}
    assert (f"`{sent}` was sent" in told) == (sent is not None)


def test_a_budget_for_one_that_takes_none_is_told() -> None:
    found, told = asked("claude-sonnet-5", {"max_tokens": 3000})
    assert found["thinking"] == SHOWN
    assert "`reasoning.max_tokens`" in told


def test_one_that_does_not_think_is_told() -> None:
    found, told = asked("claude-3-5-haiku-latest", {"effort": "low"})
    assert "thinking" not in found
    assert "does not think" in told


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        (OLD, None),
        (BETWEEN, None),
        (NEW, None),
        ("claude-3-haiku-20240307", None),
        ("claude-sonnet-5", {"type": "disabled"}),
        ("claude-opus-5", {"type": "disabled"}),
        ("claude-haiku-5-5", {"type": "disabled"}),
        ("claude-sonnet-5-5", {"type": "between_tools"}),
    ],
)
def test_no_thinking_is_asked_for_in_the_models_way(model: str, thinking: Json | None) -> None:
    found, told = asked(model, {"effort": "none"})
    assert found.get("thinking") == thinking
    assert told == ""


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-fable-5", "claude-mythos-preview"])
def test_one_that_always_thinks_is_asked_to_think_little_and_that_is_told(model: str) -> None:
    found, told = asked(model, {"effort": "none"})
    assert "thinking" not in found
    assert found["output_config"] == {"effort": "low"}
    assert "always thinks" in told


# --- sampling ---


def test_a_model_that_thinks_takes_no_temperature() -> None:
    found, told = asked(BETWEEN, {"effort": "low"}, temperature=0.2, top_p=0.5)
    assert "temperature" not in found
    assert "top_p" not in found
    assert "`temperature` while it thinks" in told
    assert "`top_p` while it thinks" in told


def test_what_is_the_default_all_the_same_is_not_told() -> None:
    found, told = asked(NEW, None, temperature=1, top_p=1)
    assert "temperature" not in found
    assert "top_p" not in found
    assert told == ""


def test_a_high_top_p_is_taken_beside_thinking() -> None:
    found, told = asked(OLD, {"effort": "low"}, top_p=0.97)
    assert found["top_p"] == 0.97
    assert told == ""


@pytest.mark.parametrize("model", [NEW, "claude-sonnet-5", "claude-tomorrow"])
def test_newer_models_take_no_sampling_at_all(model: str) -> None:
    found, told = asked(model, None, temperature=0.2, top_p=0.97)
    assert "temperature" not in found
    assert "top_p" not in found
    assert "`temperature` at all" in told
    assert "`top_p` at all" in told


def test_some_take_one_of_the_two() -> None:
    found, told = asked(OLD, None, temperature=0.2, top_p=0.9)
    assert found["temperature"] == 0.2
    assert "top_p" not in found
    assert "not both" in told
    found, told = asked("claude-3-haiku-20240307", None, temperature=0.2, top_p=0.9)
    assert (found["temperature"], found["top_p"], told) == (0.2, 0.9, "")


def test_a_temperature_above_the_highest_is_lowered_and_told() -> None:
    found, told = asked(OLD, None, temperature=1.5)
    assert found["temperature"] == 1
    assert "highest" in told

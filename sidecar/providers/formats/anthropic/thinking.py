"""How much a model is to think, and what it does not take beside that.

https://platform.claude.com/docs/en/build-with-claude/thinking and …/effort. Older models take a
number of tokens, newer ones decide themselves and take a word; those between take either. The
tokens of thinking count into `max_tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sidecar.providers.formats.anthropic.abilities import Abilities, Effort
from sidecar.providers.sink import Facts
from sidecar.values import AIRequest, ReasoningOptions

_LEAST = 1024
"""The smallest budget that the API takes."""
_BUDGETS = {
    None: 8192,
    "minimal": _LEAST,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_768,
}
"""What a word means to a model that takes a number."""
_LEAST_TOP_P = 0.95
"""Beside thinking."""


@dataclass(slots=True)
class Plan:
    """What goes into the body."""

    max_tokens: int
    thinking: dict[str, Any] | None = None
    effort: Effort | None = None

    @property
    def thinks(self) -> bool:
        """True where the model is asked to think."""
        return self.thinking is not None and self.thinking["type"] in ("enabled", "adaptive")


def plan(request: AIRequest, able: Abilities, facts: Facts) -> Plan:
    """Return what is asked for; what the model does not take is told in `facts.warnings`."""
    found = Plan(request.max_tokens or able.max_tokens)
    wanted = request.reasoning
    if wanted is None:
        return found
    if wanted.effort == "none":
        _off(found, able, facts)
        return found
    if not able.adaptive and not able.budget:
        facts.warn("This model does not think; `reasoning` was not sent.")
        return found
    found.effort = _effort(wanted, able, facts)
    if able.budget and (wanted.max_tokens is not None or not able.adaptive):
        _budget(found, wanted, request, facts)
        return found
    if wanted.max_tokens is not None:
        facts.warn(
            "This model takes no `reasoning.max_tokens`; it was not sent. Use `reasoning.effort`, "
            "and `max_tokens` for a limit."
        )
    found.thinking = {"type": "adaptive"}
    if not able.shows_thinking:
        found.thinking["display"] = "summarized"
    return found


def sampling(request: AIRequest, able: Abilities, thinks: bool, facts: Facts) -> dict[str, Any]:  # noqa: FBT001 - one caller, beside the function
    """Return `temperature` and `top_p` as far as they may be sent."""
    temperature, top_p = request.temperature, request.top_p
    if temperature is not None and temperature > 1:
        facts.warn("The highest `temperature` here is 1; that was sent.")
        temperature = 1.0
    if able.sampling == "none" or thinks:
        why = "while it thinks" if able.sampling != "none" else "at all"
        if temperature not in (None, 1):
            facts.warn(f"This model takes no `temperature` {why}; it was not sent.")
        temperature = None
        if top_p is not None and (able.sampling == "none" or top_p < _LEAST_TOP_P):
            if top_p < 1:
                facts.warn(f"This model takes no such `top_p` {why}; it was not sent.")
            top_p = None
    if able.sampling == "one" and temperature is not None and top_p is not None:
        facts.warn("This model takes `temperature` or `top_p`, not both; `top_p` was not sent.")
        top_p = None
    return {"temperature": temperature, "top_p": top_p}


def _off(found: Plan, able: Abilities, facts: Facts) -> None:
    if not able.thinks_unasked:
        return
    if able.off is None:
        facts.warn("This model always thinks; the least effort was asked for instead of none.")
        found.effort = "low"
    else:
        found.thinking = {"type": able.off}


def _effort(wanted: ReasoningOptions, able: Abilities, facts: Facts) -> Effort | None:
    word = wanted.effort
    if word is None or word == "none" or not able.efforts:
        return None
    nearest: Effort = "low" if word == "minimal" else word
    if nearest not in able.efforts:
        nearest = "high"
    if nearest != word:
        facts.warn(f"This model takes no effort `{word}`; `{nearest}` was sent.")
    return nearest


def _budget(found: Plan, wanted: ReasoningOptions, request: AIRequest, facts: Facts) -> None:
    budget = wanted.max_tokens or _BUDGETS[wanted.effort]
    if budget < _LEAST:
        facts.warn(f"The least `reasoning.max_tokens` here is {_LEAST}; that was sent.")
        budget = _LEAST
    if budget >= found.max_tokens:
        if request.max_tokens is None:
            found.max_tokens += budget
        elif found.max_tokens <= _LEAST:
            facts.warn(f"`max_tokens` leaves no room to think (it takes {_LEAST} and more).")
            return
        else:
            budget = found.max_tokens - 1
            facts.warn("The model thinks within `max_tokens`; it may leave nothing for the answer.")
    found.thinking = {"type": "enabled", "budget_tokens": budget}

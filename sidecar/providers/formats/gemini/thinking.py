"""`reasoning` as `generationConfig.thinkingConfig`.

https://ai.google.dev/gemini-api/docs/thinking. Gemini 3 takes a level, Gemini 2.5 a number of
tokens; the numbers for words are those of Google's own OpenAI-compatible endpoint
(docs/openai#thinking). Thoughts are told whenever thinking is asked for.
"""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.google_models import Family, family
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import ReasoningOptions

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576}
_MOST_OF_PRO = 32_768
_LEAST_OF_PRO = 128
_ORDER = ("none", "minimal", "low", "medium", "high", "xhigh")


def config(options: ReasoningOptions | None, target: Target, facts: Facts) -> dict[str, Any] | None:
    """Return the config; what the model does not take is told in `facts.warnings`."""
    if options is None:
        return None
    model = family(target.model)
    if not model.thinks:
        if options.effort != "none" or options.max_tokens is not None:
            facts.warn(f"{target.model} does not think; `reasoning` was not sent.")
        return None
    if options.max_tokens is not None:
        if options.effort is not None:
            facts.warn(
                "Google takes one of `reasoning.effort` and `reasoning.max_tokens`; "
                "max_tokens was sent."
            )
        return {"includeThoughts": True, "thinkingBudget": options.max_tokens}
    effort = options.effort
    if effort == "none":
        return _none(model, target, facts)
    told: dict[str, Any] = {"includeThoughts": True}
    if effort is not None and model.has_levels:
        told["thinkingLevel"] = _level(effort, model, target, facts)
    elif effort is not None:  # else as much as it likes
        most = _MOST_OF_PRO if model.is_pro and effort == "xhigh" else _BUDGETS[effort]
        told["thinkingBudget"] = most
    return told


def _none(model: Family, target: Target, facts: Facts) -> dict[str, Any]:
    if not model.has_levels and not model.is_pro:
        return {"thinkingBudget": 0}
    facts.warn(f"{target.model} can't be kept from thinking; it was asked to think least.")
    if model.has_levels:
        return {"thinkingLevel": model.levels[0]}
    return {"thinkingBudget": _LEAST_OF_PRO}


def _level(effort: str, model: Family, target: Target, facts: Facts) -> str:
    wanted = _ORDER.index(effort)
    level = next((each for each in model.levels if _ORDER.index(each) >= wanted), model.levels[-1])
    if level != effort:
        facts.warn(f"{target.model} has no thinking level `{effort}`; `{level}` was sent.")
    return level

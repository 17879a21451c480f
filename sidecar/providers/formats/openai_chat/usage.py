"""What an answer cost: tokens and, where a vendor tells it, money.

Read field by field: what can't be read costs no other count.
"""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.lenient import amount, count, fields
from sidecar.providers.sink import Facts
from sidecar.values import Cost, TokenUsage

_PROMPT = ("prompt_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "output_tokens")


def read(given: object, facts: Facts) -> TokenUsage | None:
    """Read `usage`; None where it holds no counts."""
    if not isinstance(given, dict):
        return None
    facts.cost = _cost(given.get("cost")) or facts.cost
    prompt, completion = _count(given, *_PROMPT), _count(given, *_COMPLETION)
    _warn_of_unreadable(given, facts)
    if prompt is None and completion is None:
        return None
    total = _count(given, "total_tokens")
    prompt, completion = _both(prompt, completion, total)
    inward = fields(given.get("prompt_tokens_details") or given.get("input_tokens_details"))
    outward = fields(given.get("completion_tokens_details") or given.get("output_tokens_details"))
    reasoning = _first(
        _count(outward, "reasoning_tokens"),
        _count(given, "reasoning_tokens"),  # Perplexity, Together
    )
    completion, total = _with_reasoning(prompt, completion, total, reasoning or 0)
    audio = [_count(side, "audio_tokens") for side in (inward, outward)]
    heard = [found for found in audio if found is not None]
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        cached_tokens=_first(
            _count(inward, "cached_tokens", "num_cached_tokens"),
            # DeepSeek; Together and Moonshot; Mistral.
            _count(given, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"),
        ),
        cache_write_tokens=_count(inward, "cache_write_tokens"),
        reasoning_tokens=reasoning,
        audio_tokens=sum(heard) if heard else None,
    )


def _count(given: dict[str, Any], *names: str) -> int | None:
    return _first(*(count(given.get(name)) for name in names))


def _first(*counts: int | None) -> int | None:
    return next((each for each in counts if each is not None), None)


def _warn_of_unreadable(given: dict[str, Any], facts: Facts) -> None:
    for name in (*_PROMPT, *_COMPLETION, "total_tokens"):
        if given.get(name) is not None and count(given[name]) is None:
            facts.warn(f"The provider's usage can't be read: its `{name}` is no count.")


def _both(prompt: int | None, completion: int | None, total: int | None) -> tuple[int, int]:
    """One that is missing is what the other leaves of the total, where there is a total."""
    known = (prompt or 0) + (completion or 0)
    rest = max((total or 0) - known, 0)
    return rest if prompt is None else prompt, rest if completion is None else completion


def _with_reasoning(
    prompt: int, completion: int, total: int | None, reasoning: int
) -> tuple[int, int]:
    """Count into the completion the reasoning that a vendor counts beside it.

    Two signs tell, both in the numbers: the total holds the reasoning once more (xAI), or there is
    more reasoning than completion (Perplexity's sonar-deep-research, which leaves it out of its
    total as well: 7,163 completion tokens and 73,997 reasoning tokens in a total of 7,196). The
    total goes up where it would be less than its parts.
    """
    if reasoning > completion or (reasoning and total == prompt + completion + reasoning):
        completion += reasoning
        total = max(total or 0, prompt + completion)
    return completion, total or prompt + completion


def _cost(given: object) -> Cost | None:
    """OpenRouter gives a number, Perplexity an object; both in US dollars."""
    parts = fields(given)
    total = amount(parts.get("total_cost") if parts else given)
    if total is None:
        return None
    return Cost(
        currency="USD",
        total=total,
        input=amount(parts.get("input_tokens_cost")),
        output=amount(parts.get("output_tokens_cost")),
    )

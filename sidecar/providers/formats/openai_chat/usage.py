"""What an answer cost: tokens and, where a vendor tells it, money."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from sidecar.providers.base import Facts
from sidecar.values import Cost, TokenUsage


class _Details(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek
    cached_tokens: int | None = None  # Together, Moonshot
    reasoning_tokens: int | None = None  # Perplexity, Together
    cost: Any = None


def read(given: object, facts: Facts) -> TokenUsage | None:
    """Read `usage`; None where it holds no counts."""
    if not isinstance(given, dict):
        return None
    try:
        usage = msgspec.convert(given, _Usage, strict=False)
    except msgspec.ValidationError as error:
        facts.warn(f"The provider's usage can't be read: {error}.")
        return None
    facts.cost = _cost(usage.cost) or facts.cost
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    inward = usage.prompt_tokens_details or _Details()
    outward = usage.completion_tokens_details or _Details()
    reasoning = _first(outward.reasoning_tokens, usage.reasoning_tokens)
    # xAI counts reasoning beside the completion, and only its total tells so.
    if reasoning and usage.total_tokens == prompt + completion + reasoning:
        completion += reasoning
    audio = [n for n in (inward.audio_tokens, outward.audio_tokens) if n is not None]
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=usage.total_tokens or prompt + completion,
        cached_tokens=_first(
            inward.cached_tokens, usage.prompt_cache_hit_tokens, usage.cached_tokens
        ),
        cache_write_tokens=inward.cache_write_tokens,
        reasoning_tokens=reasoning,
        audio_tokens=sum(audio) if audio else None,
    )


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _cost(given: object) -> Cost | None:
    """OpenRouter gives a number, Perplexity an object; both in US dollars."""
    if isinstance(given, int | float):
        return Cost(currency="USD", total=float(given))
    if isinstance(given, dict) and isinstance(given.get("total_cost"), int | float):
        return Cost(
            currency="USD",
            total=float(given["total_cost"]),
            input=_number(given.get("input_tokens_cost")),
            output=_number(given.get("output_tokens_cost")),
        )
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None

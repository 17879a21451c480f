"""What an answer took: `usageMetadata`.

https://ai.google.dev/api/generate-content#UsageMetadata. Thoughts are counted beside the
candidates, and what the results of server-side tools take beside the prompt.
"""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.lenient import count, fields
from sidecar.providers.sink import Facts
from sidecar.values import TokenUsage

_COUNTS = (
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
)
_DETAILS = ("promptTokensDetails", "candidatesTokensDetails", "toolUsePromptTokensDetails")


def read(given: object, facts: Facts) -> TokenUsage | None:
    """Read `usageMetadata`; None where it holds no counts, as at the beginning of some streams."""
    if not isinstance(given, dict):
        return None
    for name in _COUNTS:
        if given.get(name) is not None and count(given[name]) is None:
            facts.warn(f"The provider's usage can't be read: its `{name}` is no count.")
    prompt, said, thoughts, tools, cached, total = (count(given.get(name)) for name in _COUNTS)
    if prompt is None and said is None and thoughts is None and not total:
        return None
    inward = (prompt or 0) + (tools or 0)
    outward = (said or 0) + (thoughts or 0)
    rest = max((total or 0) - inward - outward, 0)
    if prompt is None:
        inward += rest
    elif said is None and thoughts is None:
        outward += rest
    heard = [tokens for name in _DETAILS for tokens in _of_audio(given, name)]
    return TokenUsage(
        prompt_tokens=inward,
        completion_tokens=outward,
        total_tokens=max(total or 0, inward + outward),
        cached_tokens=cached,
        reasoning_tokens=thoughts,
        audio_tokens=sum(heard) if heard else None,
    )


def _of_audio(given: dict[str, Any], name: str) -> list[int]:
    details = given.get(name)
    return [
        tokens
        for each in (details if isinstance(details, list) else ())
        if fields(each).get("modality") == "AUDIO"
        and (tokens := count(fields(each).get("tokenCount"))) is not None
    ]

"""Why an answer ended, in this contract's words.

https://ai.google.dev/api/generate-content#FinishReason and #BlockReason.
"""

from __future__ import annotations

from sidecar.keys.redaction import scrub
from sidecar.providers.formats.lenient import fields, text
from sidecar.providers.sink import Facts
from sidecar.values import FinishReason

_FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "LANGUAGE": "error",
    "OTHER": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "IMAGE_OTHER": "error",
    "NO_IMAGE": "error",
}
_PLAIN: tuple[FinishReason, ...] = ("stop", "length")
_MAX_WORD = 200
_MAX_MESSAGE = 300


def of_candidate(
    word: object, message: object, ratings: object, facts: Facts
) -> FinishReason | None:
    """Read `finishReason` and what explains it; None where the answer goes on."""
    said = text(word)
    if said is None or said == "FINISH_REASON_UNSPECIFIED":
        return None
    safe = scrub(said, _MAX_WORD)
    facts.provider_finish_reason = safe
    known = _FINISH.get(said.upper())
    if known is None:
        facts.warn(f"The provider's finish reason {safe!r} is unknown; taken as `stop`.")
    elif known not in _PLAIN:
        _explain(safe, message, ratings, facts)
    return known or "stop"


def of_prompt(feedback: dict[str, object], facts: Facts) -> FinishReason | None:
    """Read `promptFeedback`: a prompt that was blocked has no candidates."""
    said = text(feedback.get("blockReason"))
    if said is None or said == "BLOCK_REASON_UNSPECIFIED":
        return None
    safe = scrub(said, _MAX_WORD)
    facts.provider_finish_reason = safe
    facts.warn(f"The provider blocked the prompt ({safe}).")
    _explain(safe, feedback.get("blockReasonMessage"), feedback.get("safetyRatings"), facts)
    return "content_filter"


def _explain(word: str, message: object, ratings: object, facts: Facts) -> None:
    given = [fields(each) for each in ratings] if isinstance(ratings, list) else []
    blocked = ", ".join(str(each.get("category")) for each in given if each.get("blocked") is True)
    if blocked:
        facts.warn(f"What the provider names for {word}: {scrub(blocked, _MAX_MESSAGE)}")
    if why := text(message):
        facts.warn(f"The provider says of {word}: {scrub(why, _MAX_MESSAGE)}")

"""What stands inside a delta beside plain text: parts, forms of reasoning, sound, pictures."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.keys.redaction import scrub
from sidecar.providers.formats import filters
from sidecar.providers.formats.lenient import fields, text
from sidecar.providers.formats.openai_chat.wire import Chunk, Delta, as_text
from sidecar.providers.sink import Facts

MAX_WORD = 200


def split(content: object, facts: Facts) -> tuple[str, str]:
    """Split content into text and reasoning; Mistral's reasoning models send parts."""
    if not isinstance(content, list):
        return as_text(content), ""
    said, thinking = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(part, str):
            said.append(part)
        elif kind == "thinking":
            thinking.append(_texts(part.get("thinking"), "text"))
        elif kind == "text":
            said.append(as_text(part.get("text")))
        else:
            kind = scrub(as_text(kind), MAX_WORD)
            facts.warn(f"A content part of type {kind!r} is unknown and was left out.")
    return "".join(said), "".join(thinking)


def reasoning(delta: Delta) -> str:
    """The reasoning, under the first of its names that has any."""
    if told := delta.reasoning_content or delta.reasoning:
        return as_text(told)
    # OpenRouter's form has more than text (signatures, what is encrypted), which is no reasoning.
    return _texts(delta.reasoning_details, "text", "summary") if delta.reasoning_details else ""


def heard(delta: Delta, facts: Facts) -> str:
    """Tell what AIResponse has no place for; of sound, return its transcript."""
    for name in ("images", "reasoning_steps", "executed_tools"):
        if getattr(delta, name):
            leave_out(name, facts)
    if not isinstance(delta.audio, dict):
        return ""
    facts.warn("The answer's sound was left out; its content is the transcript.")
    return text(delta.audio.get("transcript")) or ""


def leave_out_of_annotations(annotations: object, facts: Facts) -> None:
    """Tell of annotations that are no citations, like OpenRouter's of files that it has read."""
    for annotation in annotations if isinstance(annotations, list) else ():
        kind = fields(annotation).get("type")
        if kind not in (None, "url_citation"):
            kind = scrub(as_text(kind), MAX_WORD)
            facts.warn(f"An annotation of type {kind!r} was left out.")


def logprobs(given: object, facts: Facts) -> dict[str, list[Any]] | None:
    """Keep the lists of it, whichever names they have."""
    lists = given.items() if isinstance(given, dict) else ()
    kept = {name: value for name, value in lists if isinstance(value, list) and value}
    try:
        msgspec.json.encode(kept)
    except (UnicodeEncodeError, RecursionError):
        kept = {}
    if not kept and (any(given.values()) if isinstance(given, dict) else given):
        facts.warn("The provider's logprobs can't be read and were left out.")
    return kept or None


def tell_of_answer(chunk: Chunk, facts: Facts) -> None:
    """Tell what Azure filtered, and what Perplexity adds that AIResponse has no place for."""
    prompts = chunk.prompt_filter_results
    for prompt in prompts if isinstance(prompts, list) else ():
        filters.tell("the prompt", fields(prompt).get("content_filter_results"), facts)
    for name in ("images", "related_questions"):
        if getattr(chunk, name):
            leave_out(name, facts)


def leave_out(name: str, facts: Facts) -> None:
    """Tell of a field that was not taken."""
    facts.warn(f"What the provider sent as `{name}` was left out; AIResponse has no place for it.")


def _texts(given: object, *names: str) -> str:
    """The texts of a list of objects; what has none, like Mistral's references, is skipped."""
    if not isinstance(given, list):
        return as_text(given)
    return "".join(
        item if isinstance(item, str) else as_text(_first(fields(item), names)) for item in given
    )


def _first(item: dict[str, object], names: tuple[str, ...]) -> object:
    return next((item[name] for name in names if item.get(name)), None)

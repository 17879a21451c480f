"""What of an answer has to go back with the next request, beside its text and its calls."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.keys.redaction import scrub
from sidecar.providers.formats.openai_chat.parts import leave_out
from sidecar.providers.formats.openai_chat.wire import as_text
from sidecar.providers.formats.openai_responses.layout import MAX_KEPT, Entry
from sidecar.providers.formats.openai_responses.wire import objects, word
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.sink import Facts
from sidecar.values import Reasoning

MAX_REASONING = 16 * 1024 * 1024
"""Characters of reasoning blocks; no answer of use has more."""
_MAX_WORD = 200


class Keeper:
    """Keeps reasoning as blocks, and items that AIResponse has no place for as they are."""

    def __init__(self, origin: str, facts: Facts) -> None:
        self._origin = origin
        self._facts = facts
        self._reasoning = self._items = 0

    def reasoning(self, given: dict[str, Any]) -> Entry | None:
        """Keep a reasoning item: a block for each of its parts, the first with what is encrypted.

        Raises `InvalidResponse` where it grows past all measure.
        """
        summary = [whole(as_text(part.get("text"))) for part in objects(given.get("summary"))]
        thoughts = [whole(as_text(part.get("text"))) for part in objects(given.get("content"))]
        encrypted = whole(word(given.get("encrypted_content")))
        texts = [text for text in (*summary, *thoughts, encrypted) if text]
        if not texts:
            return None
        self._reasoning += sum(map(len, texts))
        if self._reasoning > MAX_REASONING:
            message = f"The answer's reasoning is larger than {MAX_REASONING} characters."
            raise InvalidResponse(message)
        item_id = whole(word(given.get("id")))
        parts = list(zip_longest(summary, thoughts)) or [(None, None)]
        for place, (told, thought) in enumerate(parts):
            self._facts.reasoning.append(
                Reasoning(
                    text=thought,
                    summary=told,
                    data=encrypted if place == 0 else None,
                    id=item_id,
                    origin=self._origin,
                )
            )
        return Entry(kind="reasoning", id=item_id)

    def other(self, kind: str, given: dict[str, Any]) -> Entry | None:
        """Keep an item, like that of the provider's own search, so that it can go back."""
        leave_out(scrub(kind, _MAX_WORD), self._facts)
        if word(given.get("type")) is None:
            return None  # no server would take it back
        try:
            size = len(msgspec.json.encode(given))
        except (UnicodeEncodeError, RecursionError):
            size = MAX_KEPT + 1
        if self._items + size > MAX_KEPT:
            self._facts.warn("An item of the answer can't go back; it is too large to be kept.")
            return None
        self._items += size
        return Entry(kind="item", item=given)

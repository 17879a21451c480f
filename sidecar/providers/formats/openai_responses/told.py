"""What has been told of each piece of text, so that nothing is told twice and nothing never.

This API says everything several times: in pieces, whole at the piece's end, whole again in its
item, and once more in the response. Servers leave out one or another of these. So of each text its
length is kept, and a checksum of it; what a later, whole form has beyond that is what was left out.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Literal

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.surrogates import SurrogateJoiner, whole
from sidecar.providers.sink import Facts

MAX_TEXTS = 16_384
Kind = Literal["text", "refusal", "summary", "thought", "arguments"]


@dataclass(slots=True)
class _Text:
    length: int = 0
    checksum: int = 0
    joiner: SurrogateJoiner = field(default_factory=SurrogateJoiner)

    def add(self, said: str | None) -> str | None:
        if said:
            self.length += len(said)
            self.checksum = zlib.crc32(said.encode(), self.checksum)
        return said


Key = tuple[int, Kind, int]
"""The item's number, the kind, and the text's place in the item."""


class Told:
    """The texts of one answer."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._texts: dict[Key, _Text] = {}

    def piece(self, key: Key, given: str) -> str | None:
        """Take the next piece of a text; return what of it can be told now."""
        text = self._at(key)
        return text.add(text.joiner.feed(given))

    def rest(self, key: Key, given: str) -> str | None:
        """Take a text that is whole; return what of it has not been told."""
        text = self._at(key)
        complete = whole(given) or ""
        if zlib.crc32(complete[: text.length].encode()) != text.checksum:
            # Nothing can be taken back. A whole form that is shorter, or empty, is no loss.
            if len(complete) > text.length:
                self._facts.warn("A text came whole otherwise than in pieces; the pieces count.")
            return None
        text.joiner = SurrogateJoiner()  # a half that it holds stands in the whole text
        return text.add(complete[text.length :]) or None

    def flush(self) -> list[tuple[Key, str]]:
        """End of input: half characters that were alone."""
        rests = [(key, text.add(text.joiner.flush())) for key, text in self._texts.items()]
        return [(key, rest) for key, rest in rests if rest]

    def _at(self, key: Key) -> _Text:
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= MAX_TEXTS:
                message = f"The answer has more than {MAX_TEXTS} parts; it was broken off."
                raise InvalidResponse(message)
            text = self._texts[key] = _Text()
        return text

"""Thoughts and the signatures on them, as they have to go back.

https://ai.google.dev/gemini-api/docs/thought-signatures: a signature goes back in a part like the
one it came with. Those of calls stand at their calls. Here are blocks for the others: a thought
that is signed; a signature alone, which stood on the answer's text; and one with an empty text,
which stood on an empty part of its own, as at the end of a stream.
"""

from __future__ import annotations

from sidecar.errors import InvalidResponse
from sidecar.providers.pieces import Pieces
from sidecar.providers.sink import Facts
from sidecar.values import Reasoning

ORIGIN = "gemini"
MAX_SIGNED = 8 * 1024 * 1024
"""Characters of signatures in one answer."""
_ENTRY = 200


class Thoughts:
    """Gathers the blocks of one answer into `facts.reasoning`."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._thought = Pieces()
        self._thinks = False
        self._size = 0

    def add(self, text: str) -> None:
        """Take a piece of a thought, whole characters only."""
        self._thought.add(text)
        self._thinks = True

    def sign_thought(self, signature: str) -> None:
        """The thought so far is whole, and this proves it."""
        self.measure(signature)
        self._end(signature)

    def sign_text(self, signature: str, *, on_its_own: bool) -> None:
        """Take a signature that stood on text; on a part without any where `on_its_own`."""
        self.measure(signature)
        self._end(None)
        block = Reasoning(text="" if on_its_own else None, signature=signature, origin=ORIGIN)
        self._facts.reasoning.append(block)

    def measure(self, signature: str) -> None:
        """Count a signature. Raises `InvalidResponse` where there are too many."""
        self._size += _ENTRY + len(signature)
        if self._size > MAX_SIGNED:
            message = f"The answer has more than {MAX_SIGNED} characters of signatures."
            raise InvalidResponse(message)

    def flush(self) -> None:
        """End of input: the last thought is whole."""
        self._end(None)

    def _end(self, signature: str | None) -> None:
        if not self._thinks and signature is None:
            return
        text = self._thought.text()
        self._facts.reasoning.append(Reasoning(text=text, signature=signature, origin=ORIGIN))
        self._thought, self._thinks = Pieces(), False

"""What a model of Google takes, told by its name.

https://ai.google.dev/gemini-api/docs/models. Names are open-ended: one that says nothing of its
generation (`gemini-flash-latest`) is taken for a model of today.
"""

from __future__ import annotations

import re
from typing import NamedTuple

UNSIGNED = "skip_thought_signature_validator"
"""What Google's documentation says to send for a call that another model made."""

UNSIGNED_TOLD = (
    "A tool call without a thought signature, as another model makes them, is in the "
    "conversation; Google was asked not to look for it. The answer may be worse."
)
_GENERATION = re.compile(r"(gemini|gemma)-(\d{1,3})(?:\.(\d{1,3}))?", re.IGNORECASE)
_TODAY = (3, 8)
_LEVELS = ("minimal", "low", "medium", "high")


class Family(NamedTuple):
    """A model's kind. `generation` is (major, minor)."""

    generation: tuple[int, int]
    is_gemini: bool = True
    is_pro: bool = False
    name: str = ""

    @property
    def thinks(self) -> bool:
        """Its thoughts can be asked for, and how many of them."""
        return self.generation >= ((2, 5) if self.is_gemini else (4, 0))

    @property
    def has_levels(self) -> bool:
        """It takes `thinkingLevel`; those before have a budget alone."""
        return self.generation >= (3, 0)

    @property
    def levels(self) -> tuple[str, ...]:
        """Those that it takes: https://ai.google.dev/gemini-api/docs/thinking#thinking-levels."""
        if self.is_pro:
            return ("low", "high") if self.generation == (3, 0) else _LEVELS[1:]
        return _LEVELS[1:] if self.generation >= (3, 7) and "lite" not in self.name else _LEVELS

    @property
    def checks_signatures(self) -> bool:
        """It refuses a call without a thought signature: docs/thought-signatures."""
        return self.is_gemini and self.generation >= (3, 0)

    @property
    def takes_system(self) -> bool:
        """It takes `systemInstruction`; Gemma came without until its fourth generation."""
        return self.is_gemini or self.generation >= (4, 0)

    @property
    def takes_media_of_tools(self) -> bool:
        """A function's response may have images: docs/function-calling#multimodal."""
        return self.is_gemini and self.generation >= (3, 0)


def family(model: str) -> Family:
    """Return what a model is."""
    name = model.lower()
    found = _GENERATION.search(name)
    generation = (int(found[2]), int(found[3] or 0)) if found else _TODAY
    is_pro = "pro" in re.split(r"[-/]", name)
    return Family(generation, found is None or found[1] == "gemini", is_pro, name)

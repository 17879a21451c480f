"""What a model takes, as far as its name tells; the Messages API refuses what it does not.

https://platform.claude.com/docs/en/models/overview and the migration guides below it. The list of
models tells most of this too, but a request must not wait for it. A Claude that is newer than these
rules is taken to be like the newest known. Servers that speak this API for other models (DeepSeek,
Kimi, GLM) take its first form: a budget for thinking, and sampling parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Off = Literal["disabled", "between_tools"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]

_NAME = re.compile(r"claude-(?:([a-z]+)-?)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)")
_NEWEST = (99, 0)
_ALWAYS_THINKING = ("fable", "mythos")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one model takes."""

    max_tokens: int
    """Asked for where the request has no `max_tokens`, which this API requires."""
    budget: bool = True
    """Takes `thinking: {type: "enabled", budget_tokens}`."""
    adaptive: bool = False
    """Takes `thinking: {type: "adaptive"}`."""
    shows_thinking: bool = True
    """Tells its thinking without being asked to by `display`."""
    efforts: tuple[Effort, ...] = ()
    """The words it takes as `output_config.effort`, from the least on."""
    thinks_unasked: bool = False
    off: Off | None = "disabled"
    """What keeps one that thinks unasked from it; None: nothing does."""
    sampling: Literal["both", "one", "none"] = "both"
    """How many of `temperature` and `top_p` it takes."""
    unsigned: bool = False
    """Takes its thinking back without a signature."""
    system_anywhere: bool = False
    """Takes a system message in the midst of a conversation."""


_OTHERS = Abilities(max_tokens=8192, unsigned=True)


def of(model: str) -> Abilities:
    """Return what the model of this name takes."""
    name = model.lower()
    if "claude" not in name:
        return _OTHERS
    found = _NAME.search(name)
    family = found[1] if found else next((each for each in _ALWAYS_THINKING if each in name), None)
    version = (int(found[2]), int(found[3] or 0)) if found else _NEWEST
    return Abilities(
        max_tokens=_max_tokens(version),
        budget=(3, 7) <= version < (4, 7),
        adaptive=version >= (4, 6),
        shows_thinking=version < (4, 7),
        efforts=_efforts(family, version),
        thinks_unasked=version >= (5, 0),
        off=_off(family, version),
        sampling="both" if version < (4, 1) else "one" if version < (4, 7) else "none",
        system_anywhere=version >= (4, 8) and (family != "sonnet" or version >= (5, 5)),
    )


def _max_tokens(version: tuple[int, int]) -> int:
    """The most that a model gives, where its context window leaves room for a prompt beside it."""
    if version < (4, 0):
        return 4096 if version < (3, 5) else 8192
    if version < (4, 6):
        return 32_000 if version < (4, 5) else 64_000
    return 128_000


def _efforts(family: str | None, version: tuple[int, int]) -> tuple[Effort, ...]:
    if version < (4, 6):
        return ("low", "medium", "high") if (family, version) == ("opus", (4, 5)) else ()
    if version < (4, 7):
        return ("low", "medium", "high", "max")
    return ("low", "medium", "high", "xhigh", "max")


def _off(family: str | None, version: tuple[int, int]) -> Off | None:
    if family in _ALWAYS_THINKING or (family == "opus" and version >= (5, 5)):
        return None
    return "between_tools" if family == "sonnet" and version >= (5, 5) else "disabled"

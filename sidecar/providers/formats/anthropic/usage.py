"""What an answer took. https://platform.claude.com/docs/en/api/messages#response-usage.

`input_tokens` leaves out what came from the cache or was written to it; here all input is one
count. `output_tokens` holds the thinking. In a stream the counts are cumulative: `message_start`
has the input's, `message_delta` those that are new.
"""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.lenient import count, fields
from sidecar.providers.sink import Facts
from sidecar.values import TokenUsage

_NAMES = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


class Usage:
    """The counts so far; a later one takes the place of an earlier."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._counts: dict[str, int] = {}
        self._thinking: int | None = None

    def add(self, given: Any) -> None:  # noqa: ANN401 - any JSON
        """Take a `usage`."""
        read = fields(given)
        for name in _NAMES:
            if read.get(name) is None:
                continue
            found = count(read[name])
            if found is None:
                self._facts.warn(f"The provider's usage can't be read: its `{name}` is no count.")
            else:
                self._counts[name] = found
        thought = count(fields(read.get("output_tokens_details")).get("thinking_tokens"))
        self._thinking = self._thinking if thought is None else thought

    def told(self) -> TokenUsage | None:
        """Return the counts; None where there are none."""
        if not self._counts:
            return None
        cached, written = (self._counts.get(name) for name in _NAMES[2:])
        prompt = self._counts.get("input_tokens", 0) + (cached or 0) + (written or 0)
        completion = self._counts.get("output_tokens", 0)
        return TokenUsage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            cached_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=self._thinking,
        )

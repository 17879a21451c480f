"""Names and numbers that occur all over, and what every value is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "cancelled", "error"]
Role = Literal["system", "user", "assistant", "tool"]

Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
ExecutionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="Chosen by the client, or by the server where it is left out; unique.",
    ),
]
BlockId = Annotated[str, Meta(max_length=200, description="The client's own label; echoed.")]
ProviderName = Annotated[str, Meta(min_length=1, max_length=100)]
NEW_PROVIDER = r"^[a-z0-9][a-z0-9_.-]*$(?!\n)"  # Python's `$` lets a last line feed pass
NewProviderName = Annotated[str, Meta(max_length=100, pattern=NEW_PROVIDER)]
"""What a provider of one's own may be called."""
Organization = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,200}$(?!\n)")]
ApiVersion = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,50}$(?!\n)")]
"""Azure's, like `2024-10-21`."""


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a client sends: strict, so that a misspelled field is told and not ignored."""


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sidecar says."""

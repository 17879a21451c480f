"""The turns of a conversation, and what they are made of."""

from __future__ import annotations

import binascii
from typing import Literal

from sidecar.values.words import Role, Value

_URLS = ("https://", "http://", "data:")


class CacheControl(Value, frozen=True, tag="ephemeral"):
    """The provider is to keep the prompt up to here, for `ttl` or five minutes (Anthropic)."""

    ttl: Literal["5m", "1h"] | None = None


class TextPart(Value, frozen=True, tag="text"):
    """A piece of text."""

    text: str
    cache_control: CacheControl | None = None


class ImagePart(Value, frozen=True, tag="image"):
    """An image: either `url` (https or data URL) or base64 `data` with its `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: Literal["auto", "low", "high"] | None = None
    cache_control: CacheControl | None = None

    def __post_init__(self) -> None:
        _one_source(self.url, self.data, self.media_type)


class FilePart(Value, frozen=True, tag="file"):
    """A document (PDF): either `url` or base64 `data` with its `media_type`.

    `citations`: the answer may cite it (Anthropic).
    """

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    filename: str | None = None
    citations: bool | None = None
    cache_control: CacheControl | None = None

    def __post_init__(self) -> None:
        _one_source(self.url, self.data, self.media_type)


class AudioPart(Value, frozen=True, tag="audio"):
    """Sound: base64 `data` and its `media_type` (`audio/wav`, `audio/mpeg`)."""

    data: str
    media_type: str

    def __post_init__(self) -> None:
        _check_base64(self.data)


def _one_source(url: str | None, data: str | None, media_type: str | None) -> None:
    if (url is None) == (data is None):
        message = "needs exactly one of `url` and `data`"
        raise ValueError(message)
    if url is not None and not url.lower().startswith(_URLS):
        message = "`url` must begin with https://, http:// or data:"
        raise ValueError(message)
    if data is not None and media_type is None:
        message = "`data` needs its `media_type`, like image/png"
        raise ValueError(message)
    if data is not None:
        _check_base64(data)


def _check_base64(data: str) -> None:
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        message = "`data` must be base64, without line breaks"
        raise ValueError(message) from None


Part = TextPart | ImagePart | FilePart | AudioPart


class ToolCall(Value, frozen=True):
    """A call that the model wants made. `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str
    signature: str | None = None
    """The provider's opaque proof of the reasoning that led to it (Gemini)."""


class Reasoning(Value, frozen=True):
    """One block of an assistant's reasoning, with the provider's opaque proof of it, if any.

    `text` is what was thought, `summary` what the provider tells of it. `signature` proves the
    text; `data` is reasoning that only the provider can read. `origin` says whose form the block
    has: only there does its proof go back. A block of a signature alone belongs to the message's
    own text.
    """

    text: str | None = None
    summary: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    origin: str | None = None


class AIMessage(Value, frozen=True):
    """One turn of a conversation.

    `AIResponse.message` is such a message, to be appended unchanged.
    """

    role: Role
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning: list[Reasoning] | None = None

    def __post_init__(self) -> None:
        if self.role == "tool" and not self.tool_call_id:
            message = "a `tool` message needs the `tool_call_id` that it answers"
            raise ValueError(message)
        if self.content is None and self.role != "assistant":
            message = f"a `{self.role}` message needs `content`"
            raise ValueError(message)
        if self.role != "assistant" and (self.tool_calls or self.reasoning):
            message = "only an `assistant` message has `tool_calls` and `reasoning`"
            raise ValueError(message)

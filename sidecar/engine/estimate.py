"""How many tokens a request has, about: for vendors that do not tell.

Four ASCII characters are taken for a token, as vendors' own rules of thumb do for English, and one
character of other scripts for three quarters of one; a message has four tokens around it. What is
no text is not counted, and told.
"""

from __future__ import annotations

import math

import msgspec

from sidecar.values import AIMessage, AIRequest, JsonSchemaFormat, TextPart

_ASCII, _OTHER = 0.25, 0.75
_AROUND = 4


def estimate(request: AIRequest) -> tuple[int, list[str]]:
    """Return the tokens, and what was not counted, for people."""
    tokens, left_out = 0.0, set[str]()
    for message in request.messages:
        text, kinds = _text(message)
        tokens += _AROUND + _tokens(text)
        left_out |= kinds
    for tool in request.tools or ():
        tokens += _AROUND + _tokens(msgspec.json.encode(tool).decode())
    if isinstance(request.response_format, JsonSchemaFormat):
        tokens += _tokens(msgspec.json.encode(request.response_format.schema).decode())
    told = [f"Parts of the type {kind} are not in the estimate." for kind in sorted(left_out)]
    return math.ceil(tokens), told


def _text(message: AIMessage) -> tuple[str, set[str]]:
    texts = [message.name or ""]
    left_out: set[str] = set()
    if isinstance(message.content, str):
        texts.append(message.content)
    for part in message.content if isinstance(message.content, list) else ():
        if isinstance(part, TextPart):
            texts.append(part.text)
        else:
            left_out.add(str(part.__struct_config__.tag))
    for call in message.tool_calls or ():
        texts += [call.name, call.arguments]
    return "".join(texts), left_out


def _tokens(text: str) -> float:
    others = 0 if text.isascii() else sum(not character.isascii() for character in text)
    return (len(text) - others) * _ASCII + others * _OTHER

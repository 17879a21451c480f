"""The turns of a conversation as Ollama takes them.

A message is one text, a list of bare base64 images and whole tool calls, whose arguments are
objects. The result of a tool names the tool; an id goes with it, which older servers pass over.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIMessage, ImagePart, Part, TextPart, ToolCall

_BASE64 = ";base64"


def encode(given: list[AIMessage], target: Target, facts: Facts) -> list[dict[str, Any]]:
    """Return `messages`. Raises `InvalidParams` for what Ollama can't be told."""
    tools: dict[str, str] = {}
    """The tools that were called so far, by the ids of the calls."""
    found = []
    for at, message in enumerate(given):
        found.append(_message(message, f"$.request.messages[{at}]", target, facts, tools))
        tools |= {call.id: call.name for call in message.tool_calls or ()}
    return found


def _message(
    message: AIMessage, path: str, target: Target, facts: Facts, tools: dict[str, str]
) -> dict[str, Any]:
    text, images = _content(message, path, target, facts)
    fields: dict[str, Any] = {"role": message.role, "content": text}
    if images:
        fields["images"] = images
    if thinking := "".join(block.text or "" for block in message.reasoning or ()):
        fields["thinking"] = thinking
    if message.tool_calls:
        fields["tool_calls"] = [
            _call(call, f"{path}.tool_calls[{at}]", target)
            for at, call in enumerate(message.tool_calls)
        ]
    if message.role == "tool":
        tool = message.name or tools.get(message.tool_call_id or "")
        if tool is None:
            facts.warn(
                f"A tool's result answers no call before it; {target.vendor.display_name} is not "
                "told which tool it is from. Give the message the tool's `name`."
            )
        else:
            fields["tool_name"] = tool
        fields["tool_call_id"] = message.tool_call_id
    elif message.name is not None:
        facts.warn(
            f"{target.vendor.display_name} takes no `name` in a {message.role} message; "
            "it was not sent. Say in the content who speaks."
        )
    return fields


def _content(message: AIMessage, path: str, target: Target, facts: Facts) -> tuple[str, list[str]]:
    if not isinstance(message.content, list):
        return message.content or "", []
    texts, images = [], []
    for at, part in enumerate(message.content):
        if isinstance(part, TextPart):
            texts.append(part.text)
        else:
            images.append(_image(part, f"{path}.content[{at}]", target, facts))
    return "\n".join(texts), images


def _image(part: Part, path: str, target: Target, facts: Facts) -> str:
    name = target.vendor.display_name
    if not isinstance(part, ImagePart):
        raise InvalidParams(
            f"{name} takes no documents and no sound, only text and images.",
            hint="Send the document's text, or its pages as images.",
            path=path,
            provider=target.vendor.name,
        )
    if part.detail not in (None, "auto"):
        facts.warn(f"{name} takes no `detail` of an image; it was not sent.")
    if part.data is not None:
        return part.data
    head, comma, data = (part.url or "").partition(",")
    if not (comma and head.lower().startswith("data:") and head.lower().endswith(_BASE64)):
        raise InvalidParams(
            f"{name} fetches no images from a URL.",
            hint="Send the image itself: `data` in base64, and its `media_type`.",
            path=f"{path}.url",
            provider=target.vendor.name,
        )
    return data


def _call(call: ToolCall, path: str, target: Target) -> dict[str, Any]:
    arguments = call.arguments.strip() or "{}"
    try:
        is_object = isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    if not is_object:
        raise InvalidParams(
            f"{target.vendor.display_name} takes a tool call's arguments as a JSON object; "
            "these are none.",
            hint="Leave the call out, if its answer was cut off, or correct the arguments.",
            path=f"{path}.arguments",
            provider=target.vendor.name,
        )
    # As the model wrote them: a number that was read and written anew may look different.
    function = {"name": call.name, "arguments": msgspec.Raw(arguments.encode())}
    return {"id": call.id, "type": "function", "function": function}

"""Messages to the items of `input`."""

from __future__ import annotations

from typing import Any, assert_never

from sidecar.errors import InvalidParams
from sidecar.providers.formats.openai_responses import layout
from sidecar.providers.formats.openai_responses.layout import Entry
from sidecar.providers.formats.thoughts import warn_of_unsent
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import (
    AIMessage,
    AudioPart,
    FilePart,
    ImagePart,
    Part,
    Reasoning,
    TextPart,
    ToolCall,
)

Item = dict[str, Any]
_WITHOUT_PROOF = (
    "Reasoning that came without its encrypted content can't go back to {name}; it was not sent."
)


def encode(
    messages: list[AIMessage], target: Target, facts: Facts
) -> tuple[str | None, list[Item]]:
    """Return the `instructions`, which are a first system message, and the items of the rest."""
    instructions: str | None = None
    items: list[Item] = []
    custom: set[str] = set()
    for at, message in enumerate(messages):
        path = f"$.request.messages[{at}]"
        if message.name is not None and message.role != "tool":  # the call's id says which tool
            facts.warn(
                f"{target.vendor.display_name} takes no `name` in a {message.role} message; "
                "it was not sent. Say in the content who speaks."
            )
        if at == 0 and message.role == "system" and isinstance(message.content, str):
            instructions = message.content
        elif message.role == "assistant":
            items += _assistant(message, path, target, facts, custom)
        elif message.role == "tool":
            kind = "custom_tool_call" if message.tool_call_id in custom else "function_call"
            given = message.content
            output = given if isinstance(given, str) else _content(message, path, facts)
            items.append(
                {"type": f"{kind}_output", "call_id": message.tool_call_id, "output": output}
            )
        else:
            content = _content(message, path, facts)
            items.append({"type": "message", "role": message.role, "content": content})
    return instructions, items


# --- what the user gives ---


def _content(message: AIMessage, path: str, facts: Facts) -> list[Item]:
    given = message.content
    parts = given if isinstance(given, list) else [TextPart(text=given or "")]
    return [_part(part, f"{path}.content[{at}]", facts) for at, part in enumerate(parts)]


def _part(part: Part, path: str, facts: Facts) -> Item:
    match part:
        case TextPart(text=text):
            return {"type": "input_text", "text": text}
        case ImagePart():
            url = part.url or _data_url(part.media_type, part.data)
            return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        case FilePart():
            return _file(part, path, facts)
        case AudioPart():
            kind = part.media_type.rpartition("/")[2]
            form = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}.get(kind, kind)
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
    assert_never(part)


def _file(part: FilePart, path: str, facts: Facts) -> Item:
    if part.url is not None and not part.url.lower().startswith("data:"):
        if part.filename is not None:  # "mutually_exclusive_parameters"
            facts.warn(f"A file that is fetched from its URL has no name: {path}.filename.")
        return {"type": "input_file", "file_url": part.url}
    data = part.url or _data_url(part.media_type, part.data)
    return {"type": "input_file", "filename": part.filename or "document.pdf", "file_data": data}


def _data_url(media_type: str | None, data: str | None) -> str:
    return f"data:{media_type};base64,{data}"


# --- what the model has said ---


def _assistant(
    message: AIMessage, path: str, target: Target, facts: Facts, custom: set[str]
) -> list[Item]:
    """Return an answer's items in the order in which they came, as far as that is known."""
    thoughts, entries = _own(message, path, target, facts)
    text = _said(message, path)
    calls = list(message.tool_calls or ())
    texts = _shared_out(text, [entry for entry in entries if entry.kind == "message"])
    shared = bool(texts)
    items: list[Item] = []
    for entry in entries:
        match entry.kind:
            case "reasoning":
                thought = next((each for each in thoughts if each.get("id") == entry.id), None)
                if thought is not None:
                    thoughts.remove(thought)
                    items.append(thought)
            case "message":
                if said := texts.pop(0):
                    items.append(_message(said, entry.phase))
            case "item":
                items += [entry.item] if entry.item else []
            case kind:
                call = next((each for each in calls if each.id == entry.id), None)
                if call is not None:
                    calls.remove(call)
                    items.append(_call(call, kind))
                    custom |= {call.id} if kind == "custom_tool_call" else set()
    # What the order does not name stands as it does without one.
    first = [*thoughts, _message(text)] if text and not shared else thoughts
    items = [*first, *items, *(_call(call, "function_call") for call in calls)]
    while items and items[-1].get("type") == "reasoning":  # "… without its required following item"
        facts.warn("Reasoning that nothing came of can't go back; it was not sent.")
        items.pop()
    return items


def _own(
    message: AIMessage, path: str, target: Target, facts: Facts
) -> tuple[list[Item], list[Entry]]:
    """The reasoning that goes back where it is from, and the order of things."""
    items: list[Item] = []
    entries: list[Entry] = []
    last: str | None = None
    for at, block in enumerate(message.reasoning or ()):
        if block.origin != target.vendor.name:
            warn_of_unsent(target, facts)
            continue
        if layout.is_block(block):
            entries = layout.read(block, f"{path}.reasoning[{at}]")
            continue
        if block.id is None or block.id != last:
            items.append({"type": "reasoning", "summary": []})
        last = block.id
        _add(block, items[-1])
    kept = [item for item in items if "encrypted_content" in item or "content" in item]
    if len(kept) < len(items):
        facts.warn(_WITHOUT_PROOF.format(name=target.vendor.display_name))
    return kept, entries


def _add(block: Reasoning, item: Item) -> None:
    """Several blocks of one id are the parts of one item."""
    if block.id is not None:
        item["id"] = block.id
    if block.summary is not None:
        item["summary"].append({"type": "summary_text", "text": block.summary})
    if block.text is not None:
        item.setdefault("content", []).append({"type": "reasoning_text", "text": block.text})
    if block.data is not None:
        item["encrypted_content"] = block.data


def _said(message: AIMessage, path: str) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    texts = []
    for at, part in enumerate(message.content):
        if not isinstance(part, TextPart):
            raise InvalidParams(
                "An assistant's message goes back as text alone.",
                path=f"{path}.content[{at}]",
                hint="Send the part in a user's message.",
            )
        texts.append(part.text)
    return "".join(texts)


def _shared_out(text: str, entries: list[Entry]) -> list[str]:
    """A text to the messages that it was; a text that was changed to the last one."""
    if sum(max(entry.length, 0) for entry in entries) != len(text):
        return [""] * (len(entries) - 1) + [text] if entries else []
    shares = []
    for entry in entries:
        length = max(entry.length, 0)
        shares.append(text[:length])
        text = text[length:]
    return shares


def _message(text: str, phase: str | None = None) -> Item:
    item: Item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text}],
    }
    return item if phase is None else item | {"phase": phase}


def _call(call: ToolCall, kind: str) -> Item:
    written = "input" if kind == "custom_tool_call" else "arguments"
    return {"type": kind, "call_id": call.id, "name": call.name, written: call.arguments}

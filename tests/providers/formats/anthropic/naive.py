"""What a recorded exchange says and asks, read from its raw JSON without the package's format.

Naive on purpose: `json.loads`, dictionaries, string concatenation.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.values import AIRequest

Json = dict[str, Any]


@dataclass
class Reading:
    """Everything that one answer says."""

    id: str
    model: str
    text: str = ""
    reasoning: str = ""
    thoughts: list[tuple[str | None, str | None, str | None]] = field(default_factory=list)
    """Text, signature and encrypted data of each block."""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    citations: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    stop: str | None = None
    usage: Json = field(default_factory=dict)


def read_whole(body: str) -> Reading:
    """Read a message."""
    answer = json.loads(body)
    found = Reading(answer["id"], answer["model"])
    for block in answer["content"]:
        _add(found, block)
    found.stop, found.usage = answer["stop_reason"], answer["usage"]
    return found


def read_stream(body: str) -> Reading:
    """Read a stream: its blocks are put together first, and read as those of a message."""
    blocks: dict[int, Json] = {}
    written: dict[int, str] = {}
    answer: Json = {}
    for line in body.split("\n"):
        if not line.startswith("data: "):
            continue
        event = json.loads(line[6:])
        match event["type"]:
            case "message_start":
                answer = event["message"]
            case "content_block_start":
                blocks[event["index"]] = event["content_block"]
            case "content_block_delta":
                _grow(blocks[event["index"]], written, event["index"], event["delta"])
            case "message_delta":
                answer["stop_reason"] = event["delta"]["stop_reason"]
                answer["usage"] |= event["usage"]
    for index, arguments in written.items():
        blocks[index]["input"] = json.loads(arguments) if arguments else {}
    return read_whole(json.dumps(answer | {"content": list(blocks.values())}))


def _grow(block: Json, written: dict[int, str], index: int, delta: Json) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"] = [*(block["citations"] or []), delta["citation"]]
        case "input_json_delta":
            written[index] = written.get(index, "") + delta["partial_json"]
        case other:
            raise ValueError(other)


def _add(found: Reading, block: Json) -> None:
    match block["type"]:
        case "text":
            before = len(found.text)
            found.text += block["text"]
            found.citations += [
                (each["document_title"], each["cited_text"], each["document_index"], before,
                 len(found.text))
                for each in block.get("citations") or ()
            ]  # fmt: skip
        case "thinking":
            found.reasoning += block["thinking"]
            found.thoughts.append((block["thinking"] or None, block["signature"], None))
        case "redacted_thinking":
            found.thoughts.append((None, None, block["data"]))
        case "tool_use":
            found.calls.append((block["id"], block["name"], block["input"]))
        case other:
            raise ValueError(other)


# --- requests ---

_SAME = ("model", "max_tokens", "temperature", "top_p", "stop_sequences", "stream")
_BUILT = ("messages", "system", "tools", "tool_choice", "thinking", "output_config")


def request_of(body: str) -> AIRequest:
    """Read a recorded body."""
    given: Json = json.loads(body)
    fields: Json = {name: given[name] for name in _SAME if name in given}
    system = [{"role": "system", "content": [block]} for block in given.get("system", ())]
    fields["messages"] = [*system, *(each for m in given["messages"] for each in _messages(m))]
    if "tools" in given:
        fields["tools"] = [
            {("parameters" if name == "input_schema" else name): value
             for name, value in tool.items()}
            for tool in given["tools"]
        ]  # fmt: skip
    if "tool_choice" in given:
        kind = given["tool_choice"]["type"]
        named = {"name": given["tool_choice"].get("name")}
        fields["tool_choice"] = named if kind == "tool" else {"any": "required"}.get(kind, kind)
    if "thinking" in given:
        budget = given["thinking"].get("budget_tokens")
        fields["reasoning"] = {"max_tokens": budget} if budget else {}
    if "output_config" in given:
        assert given["output_config"].keys() == {"format"}
        fields["response_format"] = {
            "type": "json_schema",
            "schema": given["output_config"]["format"]["schema"],
        }
    extra = {name: each for name, each in given.items() if name not in (*_SAME, *_BUILT)}
    if extra:
        fields["extra"] = extra
    return msgspec.convert(fields, AIRequest)


def _messages(given: Json) -> list[Json]:
    """One message, or one for each tool result in it."""
    found: list[Json] = []
    message: Json = {"role": given["role"], "content": []}
    for block in given["content"]:
        match block["type"]:
            case "tool_result":
                assert block.keys() == {"type", "tool_use_id", "content"}
                found.append(
                    {
                        "role": "tool",
                        "tool_call_id": block["tool_use_id"],
                        "content": block["content"],
                    }
                )
            case "tool_use":
                call = {"id": block["id"], "name": block["name"]}
                call["arguments"] = json.dumps(block["input"])
                message.setdefault("tool_calls", []).append(call)
            case "text":
                kept = ("type", "text", "cache_control")
                message["content"].append({name: block[name] for name in kept if name in block})
            case "document":
                message["content"].append(_document(block))
            case other:
                raise ValueError(other)
    return [*found, message] if message["content"] or "tool_calls" in message else found


def _document(block: Json) -> Json:
    source = block["source"]
    assert source["type"] == "text"
    return {
        "type": "file",
        "data": base64.b64encode(source["data"].encode()).decode(),
        "media_type": source["media_type"],
        "filename": block["title"],
        "citations": block["citations"]["enabled"],
    }

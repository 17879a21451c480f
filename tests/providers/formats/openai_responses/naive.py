"""Recorded exchanges of this API, read from their raw JSON without any code of the package."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.values import AIRequest

Json = dict[str, Any]
ORIGIN = "openai"


@dataclass
class Reading:
    """Everything that one answer says."""

    text: str = ""
    reasoning: list[str] = field(default_factory=list)
    refusal: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    encrypted: list[str] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    status: str | None = None
    usage: Json | None = None
    model: str | None = None
    id: str | None = None


def read_whole(body: str) -> Reading:
    """Read a `response`."""
    return _read_response(json.loads(body))


def read_stream(body: str) -> Reading:
    """Read a stream by its deltas alone; what has none comes from the items that are whole."""
    found = Reading()
    summaries: dict[tuple[int, int], str] = {}
    arguments: dict[int, str] = {}
    for event in _events(body):
        kind = event["type"]
        if kind == "response.output_text.delta":
            found.text += event["delta"]
        elif kind == "response.refusal.delta":
            found.refusal += event["delta"]
        elif kind == "response.reasoning_summary_text.delta":
            key = (event["output_index"], event["summary_index"])
            summaries[key] = summaries.get(key, "") + event["delta"]
        elif kind == "response.function_call_arguments.delta":
            at = event["output_index"]
            arguments[at] = arguments.get(at, "") + event["delta"]
        elif kind == "response.output_item.done":
            item = event["item"]
            if item["type"] == "function_call":
                said = json.loads(arguments[event["output_index"]])
                found.calls.append((item["call_id"], item["name"], said))
            found.encrypted += [item["encrypted_content"]] if "encrypted_content" in item else []
            found.phases += [item["phase"]] if "phase" in item else []
        elif kind == "response.completed":
            last = event["response"]
            found.status, found.usage = last["status"], last["usage"]
            found.model, found.id = last["model"], last["id"]
    found.reasoning = list(summaries.values())
    return found


def last_response(body: str) -> str:
    """The whole response with which a stream ends, as JSON text."""
    return json.dumps(next(each for each in _events(body) if each["type"] == "response.completed")[
        "response"
    ])  # fmt: skip


def _events(body: str) -> list[Json]:
    lines = [line[len("data:") :].strip() for line in body.split("\n") if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def _read_response(answer: Json) -> Reading:
    found = Reading(
        status=answer["status"], usage=answer["usage"], model=answer["model"], id=answer["id"]
    )
    for item in answer["output"]:
        if item["type"] == "message":
            for part in item["content"]:
                found.text += part.get("text", "")
                found.refusal += part.get("refusal", "")
            found.phases += [item["phase"]] if "phase" in item else []
        elif item["type"] == "function_call":
            said = json.loads(item["arguments"])
            found.calls.append((item["call_id"], item["name"], said))
        elif item["type"] == "reasoning":
            found.reasoning += [part["text"] for part in item["summary"]]
            found.encrypted += [item["encrypted_content"]] if "encrypted_content" in item else []
    return found


# --- requests ------------------------------------------------------------------------------------

_SAME = ("model", "temperature", "top_p", "parallel_tool_calls")
_BUILT = ("input", "instructions", "max_output_tokens", "stream", "tools", "tool_choice", "text")


def request_of(body: str) -> AIRequest:
    """The AIRequest that a recorded body stands for."""
    given: Json = json.loads(body)
    fields: Json = {name: given[name] for name in _SAME if name in given}
    fields["stream"] = given.get("stream", False)
    fields["messages"] = _messages(given)
    if "max_output_tokens" in given:
        fields["max_tokens"] = given["max_output_tokens"]
    if given.get("tools"):
        fields["tools"] = [
            {name: value for name, value in tool.items() if name != "type"}
            for tool in given["tools"]
        ]
    if "tool_choice" in given:
        fields["tool_choice"] = given["tool_choice"]
    if "text" in given:
        fields["response_format"] = given["text"]["format"]
    reasoning = dict(given.get("reasoning", {}))
    if "effort" in reasoning:
        fields["reasoning"] = {"effort": reasoning.pop("effort")}
    known = (*_SAME, *_BUILT, "reasoning", "store", "include")
    extra = {name: value for name, value in given.items() if name not in known}
    if reasoning:  # `summary`, `context`
        extra["reasoning"] = reasoning
    if extra:
        fields["extra"] = extra
    return msgspec.convert(fields, AIRequest)


def _messages(given: Json) -> list[Json]:
    messages: list[Json] = []
    if "instructions" in given:
        messages.append({"role": "system", "content": given["instructions"]})
    for item in given["input"]:
        kind = item.get("type", "message")
        if kind == "function_call_output":
            messages.append(
                {"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]}
            )
        elif kind == "message" and item["role"] != "assistant":
            messages.append({"role": item["role"], "content": _content(item["content"])})
        else:
            # What the model said in one turn is one message.
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant"})
            _add(messages[-1], item, kind)
    return messages


def _add(message: Json, item: Json, kind: str) -> None:
    if kind == "message":
        content = item["content"]
        message["content"] = (
            content if isinstance(content, str) else "".join(part["text"] for part in content)
        )
    elif kind == "function_call":
        call = {"id": item["call_id"], "name": item["name"], "arguments": item["arguments"]}
        message.setdefault("tool_calls", []).append(call)
    else:
        block = {"id": item["id"], "data": item["encrypted_content"], "origin": ORIGIN}
        message.setdefault("reasoning", []).append(block)


def _content(given: str | list[Json]) -> str | list[Json]:
    if isinstance(given, str):
        return given
    parts = []
    for part in given:
        if part["type"] == "input_text":
            parts.append({"type": "text", "text": part["text"]})
        else:
            parts.append({"type": "file", "url": part["file_url"]})
    return parts

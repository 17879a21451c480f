"""What a recorded exchange with Ollama says, read from its raw JSON by a reader of its own.

Naive on purpose, like `naive_reader.py`: a mistake would have to be made twice to be overlooked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.values import AIRequest

Json = dict[str, Any]


@dataclass
class Reading:
    """Everything that one answer says."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    finish: str | None = None
    counts: tuple[int, int] | None = None
    model: str | None = None


def read(body: str) -> Reading:
    """Read a stream of objects, or the one of a whole answer."""
    found = Reading()
    for line in body.split("\n"):
        if not line:
            continue
        told = json.loads(line)
        message = told["message"]
        found.model = told["model"]
        found.text += message["content"]
        found.thinking += message.get("thinking", "")
        for call in message.get("tool_calls", []):
            function = call["function"]
            found.calls.append((call["id"], function["name"], function["arguments"]))
        if told["done"]:
            found.finish = told["done_reason"]
            found.counts = (told["prompt_eval_count"], told["eval_count"])
    return found


_OPTIONS = {"num_predict": "max_tokens", "temperature": "temperature"}


def request_of(body: str) -> AIRequest:
    """Read the request that a recorded body stands for."""
    given: Json = json.loads(body)
    fields: Json = {
        "model": given["model"],
        "stream": given["stream"],
        "messages": _messages(given["messages"]),
        **{_OPTIONS[name]: value for name, value in given["options"].items()},
    }
    if given.get("tools"):
        fields["tools"] = [tool["function"] for tool in given["tools"]]
    if "format" in given:
        fields["response_format"] = {"type": "json_schema", "schema": given["format"]}
    fields["reasoning"] = {} if given["think"] else {"effort": "none"}
    return msgspec.convert(fields, AIRequest)


def _messages(given: list[Json]) -> list[Json]:
    """The turns; calls and results that have no ids get some."""
    found: list[Json] = []
    calls: list[str] = []
    for message in given:
        turn: Json = {"role": message["role"], "content": message["content"]}
        if "thinking" in message:
            turn["reasoning"] = [{"text": message["thinking"]}]
        if "tool_calls" in message:
            turn["tool_calls"] = []
            for call in message["tool_calls"]:
                calls.append(f"c{len(calls)}")
                arguments = json.dumps(call["function"]["arguments"])
                turn["tool_calls"].append(
                    {"id": calls[-1], "name": call["function"]["name"], "arguments": arguments}
                )
        if message["role"] == "tool":
            turn["tool_call_id"] = calls[-1]
        found.append(turn)
    return found

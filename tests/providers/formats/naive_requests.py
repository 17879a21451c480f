"""The request that a recorded body stands for, read from its raw JSON by a reader of its own."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sidecar.values import AIRequest

Json = dict[str, Any]

# Fields of the body that are fields of AIRequest under the same or another name.
_SAME = (
    "model",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "parallel_tool_calls",
)
_RENAMED = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "stop": "stop_sequences",
    "seed": "seed",
    "random_seed": "seed",
}
_BUILT = ("messages", "stream", "stream_options", "tools", "tool_choice", "response_format")


def request_of(body: str) -> AIRequest:
    """Read a recorded body."""
    given: Json = json.loads(body)
    fields: Json = {name: given[name] for name in _SAME if name in given}
    fields |= {ours: given[theirs] for theirs, ours in _RENAMED.items() if theirs in given}
    fields["messages"] = [_message(message) for message in given["messages"]]
    fields["stream"] = given.get("stream", False)
    if given.get("tools"):
        fields["tools"] = [tool["function"] for tool in given["tools"]]
    if given.get("tool_choice") is not None:
        fields["tool_choice"] = _tool_choice(given["tool_choice"])
    if given.get("response_format") is not None:
        fields["response_format"] = _response_format(given["response_format"])
    if "reasoning_effort" in given:
        fields["reasoning"] = {"effort": given["reasoning_effort"]}
    elif "reasoning" in given:  # OpenRouter
        fields["reasoning"] = given["reasoning"]
    elif "thinking" in given:  # DeepSeek
        switch = given["thinking"]["type"]
        fields["reasoning"] = {"disabled": {"effort": "none"}, "enabled": {}}[switch]
    known = {*_SAME, *_RENAMED, *_BUILT, "reasoning_effort", "reasoning", "thinking"}
    extra = {name: value for name, value in given.items() if name not in known}
    # A value of the wrong kind (a test of the provider's own checks) goes the way of free fields.
    if isinstance(fields.get("temperature"), str):
        extra["temperature"] = fields.pop("temperature")
    if extra:
        fields["extra"] = extra
    return msgspec.convert(fields, AIRequest)


def _message(given: Json) -> Json:
    message: Json = {"role": given["role"], "content": given.get("content")}
    if isinstance(message["content"], list):
        message["content"] = [_part(part) for part in message["content"]]
    if given.get("tool_calls"):
        message["tool_calls"] = [
            {"id": call["id"], **call["function"]} for call in given["tool_calls"]
        ]
    if "tool_call_id" in given:
        message["tool_call_id"] = given["tool_call_id"]
    if "reasoning_content" in given:
        message["reasoning"] = [{"text": given["reasoning_content"]}]
    if "reasoning_details" in given:
        message["reasoning"] = [_reasoning(each) for each in given["reasoning_details"]]
    return message


def _reasoning(given: Json) -> Json:
    block = {name: given.get(name) for name in ("text", "summary", "data", "signature", "id")}
    return {**block, "origin": given["format"]}


def _part(given: Json) -> Json:
    match given["type"]:
        case "text":
            return given
        case "image_url":
            image = given["image_url"]
            return {"type": "image", "url": image["url"], "detail": image.get("detail")}
        case "document_url":
            return {
                "type": "file",
                "url": given["document_url"],
                "filename": given.get("document_name"),
            }
        case other:
            message = f"AIRequest has no part for {other}"
            raise ValueError(message)


def _tool_choice(given: str | Json) -> str | Json:
    if isinstance(given, dict):
        return {"name": given["function"]["name"]}
    return {"any": "required"}.get(given, given)


def _response_format(given: Json) -> Json:
    if given["type"] != "json_schema":
        return given
    return {"type": "json_schema", **given["json_schema"]}

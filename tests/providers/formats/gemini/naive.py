"""What a recorded exchange says, read from its raw JSON without any code of the format.

Naive on purpose, like `tests/providers/formats/naive_reader.py`: the tests compare with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.values import AIRequest, EmbedRequest

Json = dict[str, Any]


@dataclass
class Reading:
    """Everything that one answer says."""

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, Any, str | None]] = field(default_factory=list)
    """Name, arguments, signature."""
    signed_text: list[tuple[str, str]] = field(default_factory=list)
    finish: str | None = None
    usage: Json = field(default_factory=dict)
    model: str | None = None
    id: str | None = None
    others: set[str] = field(default_factory=set)


def read(body: str) -> Reading:
    """Read an answer, whole or streamed."""
    if body.startswith("data:"):
        texts = [line[5:] for line in body.splitlines() if line.startswith("data:")]
    else:
        texts = [body]
    found = Reading()
    for text in texts:
        _add(found, json.loads(text))
    return found


def _add(found: Reading, answer: Json) -> None:
    found.usage = answer["usageMetadata"]
    found.model, found.id = answer["modelVersion"], answer["responseId"]
    (candidate,) = answer["candidates"]
    found.finish = candidate.get("finishReason") or found.finish
    for part in candidate["content"].get("parts", []):
        signature = part.get("thoughtSignature")
        if part.get("thought"):
            found.thoughts += part["text"]
        elif "text" in part:
            found.text += part["text"]
            if signature:
                found.signed_text.append((part["text"], signature))
        elif "functionCall" in part:
            call = part["functionCall"]
            found.calls.append((call["name"], call["args"], signature))
        else:
            (name,) = part.keys() - {"thoughtSignature"}
            found.others.add(name)


# --- requests ------------------------------------------------------------------------------------

_GENERATION = {"temperature": "temperature", "maxOutputTokens": "max_tokens", "topP": "top_p"}
_BUILT = ("contents", "generationConfig", "systemInstruction", "tools", "toolConfig")


def request_of(body: str, *, model: str, stream: bool) -> AIRequest:
    """Read the request that a recorded body stands for."""
    given: Json = json.loads(body)
    messages: list[Json] = []
    if given.get("systemInstruction"):
        text = "".join(part["text"] for part in given["systemInstruction"]["parts"])
        messages.append({"role": "system", "content": text})
    for number, content in enumerate(given["contents"]):
        messages += _turn(content, number)
    fields: Json = {"model": model, "stream": stream, "messages": messages}
    config: Json = dict(given.get("generationConfig") or {})
    for theirs, ours in _GENERATION.items():
        if theirs in config:
            fields[ours] = config.pop(theirs)
    extra = {name: value for name, value in given.items() if name not in _BUILT and value}
    if thinking := config.pop("thinkingConfig", None):
        fields["reasoning"] = _reasoning(thinking)
    if config:
        extra["generationConfig"] = config
    functions, served = _tools(given.get("tools") or [])
    if functions:
        fields["tools"] = functions
    if served:
        extra["tools"] = served
    if given.get("toolConfig"):
        mode = given["toolConfig"]["functionCallingConfig"]["mode"]
        fields["tool_choice"] = {"NONE": "none", "AUTO": "auto", "ANY": "required"}[mode]
    return msgspec.convert(fields | ({"extra": extra} if extra else {}), AIRequest)


def _tools(tools: list[Json]) -> tuple[list[Json], list[Json]]:
    functions = [each for tool in tools for each in tool.get("functionDeclarations") or []]
    served: list[Json] = [
        {"codeExecution": {}} for tool in tools if tool.get("codeExecution") is not None
    ]
    return functions, served


def _reasoning(thinking: Json) -> Json:
    match thinking:
        case {"includeThoughts": True, "thinkingBudget": budget} if budget:
            return {"max_tokens": budget}
        case {"includeThoughts": True, "thinkingLevel": level}:
            return {"effort": level}
        case {"thinkingBudget": 0, **rest} if not rest.get("includeThoughts"):
            return {"effort": "none"}
    message = f"AIRequest has no reasoning for {thinking}"
    raise ValueError(message)


def _turn(content: Json, number: int) -> list[Json]:
    """A turn as messages; calls get ids by their names, as the recorded ones have none."""
    parts = content["parts"]
    if any("functionResponse" in part for part in parts):
        return [
            {
                "role": "tool",
                "tool_call_id": f"{number - 1}:{part['functionResponse']['name']}",
                "content": json.dumps(part["functionResponse"]["response"]),
            }
            for part in parts
        ]
    if content["role"] == "user":
        return [{"role": "user", "content": [_part(part) for part in parts]}]
    texts = [part["text"] for part in parts if "text" in part and not part.get("thought")]
    message: Json = {"role": "assistant", "content": "".join(texts)}
    thoughts = [part for part in parts if part.get("thought")]
    if thoughts:
        message["reasoning"] = [
            {"text": part["text"], "signature": part.get("thoughtSignature"), "origin": "gemini"}
            for part in thoughts
        ]
    calls = [part for part in parts if "functionCall" in part]
    if calls:
        message["tool_calls"] = [
            {
                "id": f"{number}:{part['functionCall']['name']}",
                "name": part["functionCall"]["name"],
                "arguments": json.dumps(part["functionCall"]["args"]),
                "signature": part.get("thoughtSignature"),
            }
            for part in calls
        ]
    return [message]


def _part(given: Json) -> Json:
    if "text" in given:
        return {"type": "text", "text": given["text"]}
    data = given["inlineData"]
    kind = {"audio": "audio", "image": "image", "application": "file"}[
        data["mimeType"].partition("/")[0]
    ]
    return {"type": kind, "data": data["data"], "media_type": data["mimeType"]}


def embed_request_of(body: str) -> EmbedRequest:
    """Read the request for vectors that a recorded body stands for."""
    requests = json.loads(body)["requests"]
    texts = [each["content"]["parts"][0]["text"] for each in requests]
    return EmbedRequest(input=texts, dimensions=requests[0]["output_dimensionality"])

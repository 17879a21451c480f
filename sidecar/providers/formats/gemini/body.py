"""AIRequest to the JSON body of generateContent.

https://ai.google.dev/api/generate-content#request-body.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.formats.extra import merged
from sidecar.providers.formats.gemini import thinking
from sidecar.providers.formats.gemini.turns import Turns
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import (
    AIRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    Tool,
)

Json = dict[str, Any]


def encode(request: AIRequest, target: Target, facts: Facts) -> bytes:
    """Return the body. What is not taken is told in `facts.warnings`.

    Raises `InvalidParams` for what can't be left out.
    """
    return msgspec.json.encode(fields(request, target, facts))


def fields(request: AIRequest, target: Target, facts: Facts) -> Json:
    """Return the body as an object."""
    if "contents" in (request.extra or {}):
        raise InvalidParams(
            "`extra` cannot set `contents`.",
            hint="Use `request.messages`.",
            path="$.request.extra.contents",
        )
    turns = Turns(target, facts)
    for at, message in enumerate(request.messages):
        turns.add(message, f"$.request.messages[{at}]")
    turns.end()
    if request.parallel_tool_calls is False and request.tools:
        facts.warn(
            "Google takes no `parallel_tool_calls`; it was not sent. Answer the first call alone, "
            "or say in the prompt that one at a time is wanted."
        )
    body = {
        "contents": turns.contents,
        "systemInstruction": {"parts": turns.system} if turns.system else None,
        "tools": _tools(request.tools),
        "toolConfig": _tool_config(request) if request.tools else None,
        "generationConfig": _generation(request, target, facts) or None,
    }
    present = {name: value for name, value in body.items() if value is not None}
    return merged(present, request.extra or {})


def _generation(request: AIRequest, target: Target, facts: Facts) -> Json:
    wanted: Json = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": request.stop_sequences or None,
        "frequencyPenalty": request.frequency_penalty,
        "presencePenalty": request.presence_penalty,
        "seed": request.seed,
        "thinkingConfig": thinking.config(request.reasoning, target, facts),
        **_response_format(request),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _response_format(request: AIRequest) -> Json:
    match request.response_format:
        case JsonObjectFormat():
            return {"responseMimeType": "application/json"}
        case JsonSchemaFormat() as wanted:
            schema = wanted.schema
            if wanted.description is not None and "description" not in schema:
                schema = {"description": wanted.description, **schema}
            return {"responseMimeType": "application/json", "responseJsonSchema": schema}
        case _:
            return {}


def _tools(tools: list[Tool] | None) -> list[Json] | None:
    if not tools:
        return None
    return [{"functionDeclarations": [_declaration(tool) for tool in tools]}]


def _declaration(tool: Tool) -> Json:
    given: Json = {
        "name": tool.name,
        "description": tool.description,
        "parametersJsonSchema": tool.parameters,
    }
    return {name: value for name, value in given.items() if value is not None}


def _tool_config(request: AIRequest) -> Json | None:
    """`strict` is a mode of the whole request: VALIDATED holds the calls to their schemas."""
    calling: Json
    match request.tool_choice:
        case NamedToolChoice(name=name):
            calling = {"mode": "ANY", "allowedFunctionNames": [name]}
        case "required":
            calling = {"mode": "ANY"}
        case "none":
            calling = {"mode": "NONE"}
        case choice:
            if any(tool.strict for tool in request.tools or ()):
                calling = {"mode": "VALIDATED"}
            elif choice == "auto":
                calling = {"mode": "AUTO"}
            else:
                return None
    return {"functionCallingConfig": calling}

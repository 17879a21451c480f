"""AIRequest to the JSON body of POST /api/chat."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.providers.formats.extra import merged
from sidecar.providers.formats.ollama import messages
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import (
    AIRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    Tool,
)

_LEVELS = {"low": "low", "medium": "medium", "high": "high", "minimal": "low", "xhigh": "high"}
_NO_PARAMETERS = {"type": "object", "properties": {}}


def encode(request: AIRequest, target: Target, facts: Facts) -> bytes:
    """Return the body. What Ollama does not take is told in `facts.warnings`.

    `extra` is merged into it, its `options` into the options (`{"num_ctx": 8192}`); `keep_alive`
    goes beside them. Raises `InvalidParams` for what can't be left out.
    """
    fields: dict[str, Any] = {
        "model": target.model,
        "messages": messages.encode(request.messages, target, facts),
        "stream": request.stream,  # without the field it streams
        "tools": _tools(request, target, facts),
        "format": _format(request, target, facts),
        "think": _think(request, target, facts),
        "options": _options(request) or None,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    return msgspec.json.encode(merged(body, request.extra or {}))


def _options(request: AIRequest) -> dict[str, Any]:
    """Ollama's names: https://docs.ollama.com/modelfile, "Valid Parameters and Values"."""
    options: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "num_predict": request.max_tokens,
        "stop": request.stop_sequences or None,
        "seed": request.seed,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
    }
    return {name: value for name, value in options.items() if value is not None}


def _tools(request: AIRequest, target: Target, facts: Facts) -> list[dict[str, Any]] | None:
    """The tools; none where none may be called, since Ollama has no `tool_choice`."""
    if not request.tools or request.tool_choice == "none":
        return None
    name = target.vendor.display_name
    if request.tool_choice == "required" or isinstance(request.tool_choice, NamedToolChoice):
        facts.warn(f"{name} can't be made to call a tool; `tool_choice` was not sent.")
    if request.parallel_tool_calls is False:
        facts.warn(f"{name} takes no `parallel_tool_calls`; it was not sent.")
    if any(tool.strict for tool in request.tools):
        facts.warn(f"{name} takes no `strict` in a tool; it was not sent.")
    return [_tool(tool) for tool in request.tools]


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    return {"type": "function", "function": function}


def _format(request: AIRequest, target: Target, facts: Facts) -> str | dict[str, Any] | None:
    match request.response_format:
        case JsonObjectFormat():
            return "json"
        case JsonSchemaFormat() as wanted:
            if wanted.description is not None:
                facts.warn(
                    f"{target.vendor.display_name} takes a bare schema; the description of "
                    "`response_format` was not sent. Say in the prompt what the JSON is for."
                )
            return wanted.schema
        case _:
            return None


def _think(request: AIRequest, target: Target, facts: Facts) -> bool | str | None:
    """`think`: true, false or a level. Without it a model thinks if it can."""
    wanted = request.reasoning
    if wanted is None:
        return None
    name = target.vendor.display_name
    if wanted.max_tokens is not None:
        facts.warn(
            f"{name} takes no `reasoning.max_tokens`; it was not sent. Use `reasoning.effort`."
        )
    if wanted.effort is None:
        return True
    if wanted.effort == "none":
        return False
    level = _LEVELS[wanted.effort]
    if level != wanted.effort:
        facts.warn(f"{name} has no `reasoning.effort` {wanted.effort!r}; {level!r} was sent.")
    return level

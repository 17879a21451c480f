"""AIRequest to the JSON body of POST /responses."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.formats.extra import has_tools, merged
from sidecar.providers.formats.openai_responses import conversation
from sidecar.providers.formats.thoughts import warn_of_no_measure
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import (
    AIRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    Tool,
)

ENCRYPTED = "reasoning.encrypted_content"
_NOT_TAKEN = ("stop_sequences", "seed", "frequency_penalty", "presence_penalty")
_SAMPLING = ("temperature", "top_p")
_THINKS_ON_REQUEST = re.compile(r"gpt-5\.(?:1(?!-codex)|[2-4])(?!-(?:pro|chat))")
"""OpenAI's models that reason only where an effort is asked for: they take a temperature else."""
_OF_THE_REQUEST = ("input", "stream")


def encode(request: AIRequest, target: Target, facts: Facts) -> bytes:
    """Return the body. What this API does not take is told in `facts.warnings`.

    Raises `InvalidParams` for what can't be left out.
    """
    extra = request.extra or {}
    for name in _OF_THE_REQUEST:
        if name in extra:
            message = f"`extra` cannot set `{name}`."
            hint = "The conversation is `request.messages`; the method says whether it streams."
            raise InvalidParams(message, path=f"$.request.extra.{name}", hint=hint)
    instructions, items = conversation.encode(request.messages, target, facts)
    thinks = _thinks(request, target) or any(item.get("type") == "reasoning" for item in items)
    choosing = has_tools(request)
    fields: dict[str, Any] = {
        "model": target.model,
        "instructions": instructions,
        "input": items,
        **_sampling(request, target, facts),
        "max_output_tokens": request.max_tokens,
        "tools": [_tool(tool) for tool in request.tools or ()] or None,
        "tool_choice": _tool_choice(request) if choosing else None,
        "parallel_tool_calls": request.parallel_tool_calls if choosing else None,
        "text": _text(request),
        "reasoning": _reasoning(request, target, facts),
        # Models that don't reason refuse to be asked for it.
        "include": [ENCRYPTED] if thinks else None,
        "store": False,
        "stream": True if request.stream else None,
    }
    _warn_of_what_is_not_taken(request, target, facts)
    body = {name: value for name, value in fields.items() if value is not None}
    return msgspec.json.encode(merged(body, extra))


def _thinks(request: AIRequest, target: Target) -> bool:
    effort = request.reasoning.effort if request.reasoning else None
    return effort not in (None, "none") or target.vendor.reasons(target.model)


def _sampling(request: AIRequest, target: Target, facts: Facts) -> dict[str, float | None]:
    """Temperature and the like, which OpenAI's models refuse while they reason.

    platform.openai.com, guides "Reasoning" and "Using GPT-5" (parameter compatibility).
    """
    effort = request.reasoning.effort if request.reasoning else None
    name = target.model.rpartition("/")[2].removeprefix("ft:")
    on_request = _THINKS_ON_REQUEST.match(name) is not None
    refused = target.vendor.reasons(target.model) and (
        effort != "none" if effort is not None else not on_request
    )
    found: dict[str, float | None] = {}
    for field in _SAMPLING:
        found[field] = getattr(request, field)
        if refused and found[field] is not None:
            facts.warn(f"{target.model} takes no `{field}` while it reasons; it was not sent.")
            found[field] = None
    return found


def _warn_of_what_is_not_taken(request: AIRequest, target: Target, facts: Facts) -> None:
    for name in _NOT_TAKEN:
        if getattr(request, name) not in (None, []):
            facts.warn(
                f"{target.vendor.display_name} takes no `{name}` by its Responses API; "
                "it was not sent."
            )


def _tool(tool: Tool) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        # It has to be there; a function without parameters has none to describe.
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        "strict": tool.strict,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tool_choice(request: AIRequest) -> str | dict[str, Any] | None:
    match request.tool_choice:
        case NamedToolChoice(name=name):
            return {"type": "function", "name": name}
        case other:
            return other


def _text(request: AIRequest) -> dict[str, Any] | None:
    match request.response_format:
        case JsonObjectFormat():
            return {"format": {"type": "json_object"}}
        case JsonSchemaFormat() as wanted:
            fields = {
                "type": "json_schema",
                "name": wanted.name,
                "description": wanted.description,
                "schema": wanted.schema,
                "strict": wanted.strict,
            }
            return {"format": {name: value for name, value in fields.items() if value is not None}}
        case _:
            return None


def _reasoning(request: AIRequest, target: Target, facts: Facts) -> dict[str, Any] | None:
    if request.reasoning is None:
        return None
    if request.reasoning.max_tokens is not None:
        facts.warn(
            f"{target.vendor.display_name} takes no `reasoning.max_tokens` here; it was not sent. "
            "Use `reasoning.effort`."
        )
    elif request.reasoning.effort is None:
        warn_of_no_measure(target, facts)
    effort = request.reasoning.effort
    return None if effort is None else {"effort": effort}

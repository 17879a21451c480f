"""AIRequest to the JSON body of POST /v1/messages and of POST /v1/messages/count_tokens."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.providers.formats.anthropic import abilities, parts, schemas, thinking
from sidecar.providers.formats.anthropic.conversation import Conversation
from sidecar.providers.formats.extra import has_tools, merged
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, JsonObjectFormat, JsonSchemaFormat, NamedToolChoice, Tool

_NOT_TAKEN = ("frequency_penalty", "presence_penalty", "seed")
_COUNTED = (
    "cache_control",
    "messages",
    "model",
    "output_config",
    "system",
    "thinking",
    "tool_choice",
    "tools",
)
"""What the count of tokens takes of a request."""


def encode(request: AIRequest, target: Target, facts: Facts) -> bytes:
    """Return the body. What this vendor does not take is told in `facts.warnings`.

    Raises `InvalidParams` for what can't be left out.
    """
    return msgspec.json.encode(_body(request, target, facts))


def encode_for_count(request: AIRequest, target: Target, facts: Facts) -> bytes:
    """Return the body that asks how many tokens the request has."""
    body = _body(request, target, facts)
    return msgspec.json.encode({name: body[name] for name in _COUNTED if name in body})


def _body(request: AIRequest, target: Target, facts: Facts) -> dict[str, Any]:
    able = abilities.of(target.model)
    conversation = Conversation(target, able, facts)
    conversation.take(request.messages)
    plan = thinking.plan(request, able, facts)
    for name in _NOT_TAKEN:
        if getattr(request, name) is not None:
            facts.warn(f"{target.vendor.display_name} takes no `{name}`; it was not sent.")
    fields: dict[str, Any] = {
        "model": target.model,
        "max_tokens": plan.max_tokens,
        "system": _system(conversation.system),
        "messages": conversation.messages,
        **thinking.sampling(request, able, plan.thinks, facts),
        "stop_sequences": request.stop_sequences or None,
        "tools": [_tool(tool) for tool in request.tools or ()] or None,
        "tool_choice": _tool_choice(request) if has_tools(request) else None,
        "thinking": plan.thinking,
        "output_config": _output_config(request, plan, target, facts),
        "stream": request.stream or None,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    return merged(body, request.extra or {})


def _system(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]] | None:
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks or None


def _tool(tool: Tool) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.parameters or {"type": "object", "properties": {}},
        "strict": tool.strict,
    }
    present = {name: value for name, value in fields.items() if value is not None}
    return parts.cached(present, tool.cache_control)


def _tool_choice(request: AIRequest) -> dict[str, Any] | None:
    match request.tool_choice:
        case NamedToolChoice(name=name):
            choice: dict[str, Any] = {"type": "tool", "name": name}
        case "none":
            return {"type": "none"}
        case "required":
            choice = {"type": "any"}
        case "auto":
            choice = {"type": "auto"}
        case _ if request.parallel_tool_calls is False:
            choice = {"type": "auto"}
        case _:
            return None
    if request.parallel_tool_calls is False:
        choice["disable_parallel_tool_use"] = True
    return choice


def _output_config(
    request: AIRequest, plan: thinking.Plan, target: Target, facts: Facts
) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    if plan.effort is not None:
        found["effort"] = plan.effort
    match request.response_format:
        case JsonSchemaFormat() as wanted:
            if wanted.strict is False:
                facts.warn(
                    f"{target.vendor.display_name} keeps to a schema strictly or not at all."
                )
            schema = schemas.compilable(wanted.schema, facts)
            if wanted.description is not None:
                schema = {"description": wanted.description, **schema}
            found["format"] = {"type": "json_schema", "schema": schema}
        case JsonObjectFormat():
            facts.warn(
                f"{target.vendor.display_name} has no JSON mode without a schema; nothing was sent "
                "for it. Use `json_schema`, or say in the prompt that the answer is to be JSON."
            )
        case _:
            pass
    return found or None

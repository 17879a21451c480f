"""AIRequest to the JSON body of POST /chat/completions."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.formats.extra import has_tools, merged
from sidecar.providers.formats.google_models import UNSIGNED, UNSIGNED_TOLD, family
from sidecar.providers.formats.openai_chat import reasoning_details
from sidecar.providers.formats.thoughts import warn_of_no_measure, warn_of_unsent
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Refusable, Target
from sidecar.values import (
    AIMessage,
    AIRequest,
    AudioPart,
    FilePart,
    ImagePart,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    Part,
    Reasoning,
    ReasoningOptions,
    TextPart,
    Tool,
    ToolCall,
)


def encode(request: AIRequest, target: Target, facts: Facts) -> bytes:
    """Return the body. What this vendor does not take is told in `facts.warnings`.

    Raises `InvalidParams` for what can't be left out.
    """
    quirks = target.vendor.quirks
    tools = _tools(request, target, facts)
    choosing = has_tools(request) and "tools" not in quirks.refuses
    fields: dict[str, Any] = {
        "model": target.model,
        "messages": [
            _message(message, f"$.request.messages[{at}]", target, facts)
            for at, message in enumerate(request.messages)
        ],
        "temperature": request.temperature,
        "top_p": request.top_p,
        quirks.max_tokens_field: request.max_tokens,
        **_sampling(request, target, facts),
        "tools": tools or None,
        "tool_choice": _tool_choice(request, target) if choosing else None,
        "parallel_tool_calls": request.parallel_tool_calls if choosing else None,
        "response_format": _response_format(request, target, facts),
        **_reasoning(request, target, facts),
    }
    if request.stream:
        fields["stream"] = True
        if quirks.stream_usage:
            fields["stream_options"] = {"include_usage": True}
    body = {name: value for name, value in fields.items() if value is not None}
    return msgspec.json.encode(merged(body, request.extra or {}))


def _sampling(request: AIRequest, target: Target, facts: Facts) -> dict[str, Any]:
    """The fields that not every vendor takes."""
    quirks = target.vendor.quirks
    given: dict[Refusable, Any] = {
        "stop_sequences": request.stop_sequences or None,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "seed": request.seed,
    }
    for name in quirks.refuses:
        if given.get(name) is not None:
            facts.warn(f"{target.vendor.display_name} takes no `{name}`; it was not sent.")
            given[name] = None
    own = {"stop_sequences": "stop", "seed": quirks.seed_field}
    return {own.get(name, name): value for name, value in given.items()}


def _message(message: AIMessage, path: str, target: Target, facts: Facts) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": _content(message, path, target)}
    if message.name is not None:
        names = target.vendor.quirks.names
        if names == "any message" or (names == "tool results" and message.role == "tool"):
            fields["name"] = message.name
        elif message.role != "tool":  # whose result it is, its id tells
            facts.warn(
                f"{target.vendor.display_name} takes no `name` in a {message.role} message; "
                "it was not sent. Say in the content who speaks."
            )
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
        if target.vendor.quirks.thought_signatures:
            _sign(fields["tool_calls"], message.tool_calls, target, facts)
    if message.reasoning:
        _send_back(fields, message.reasoning, target, facts)
    return fields


def _send_back(
    fields: dict[str, Any], reasoning: list[Reasoning], target: Target, facts: Facts
) -> None:
    back = target.vendor.quirks.reasoning_back
    if back == "reasoning_details":
        fields |= reasoning_details.back(reasoning)
        return
    said = [block.text or block.summary or "" for block in reasoning]
    if not back or not all(said):
        warn_of_unsent(target, facts)
    thought = "".join(said)
    if not back or not thought:
        return
    if back == "thinking":
        fields["content"] = _with_thinking(fields["content"], thought)
    else:
        fields[back] = thought


def _with_thinking(
    content: str | list[dict[str, Any]] | None, thought: str
) -> list[dict[str, Any]]:
    """Mistral's: docs.mistral.ai, "Reasoning": a `thinking` part before the text."""
    said = [{"type": "text", "text": content}] if isinstance(content, str) and content else content
    return [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}, *(said or [])]


def _sign(parts: list[dict[str, Any]], calls: list[ToolCall], target: Target, facts: Facts) -> None:
    """Google's form: ai.google.dev/gemini-api/docs/thought-signatures#openai."""
    signatures = [call.signature for call in calls]
    if signatures[0] is None and family(target.model).checks_signatures:
        facts.warn(UNSIGNED_TOLD)
        signatures[0] = UNSIGNED
    for part, signature in zip(parts, signatures, strict=True):
        if signature is not None:
            part["extra_content"] = {"google": {"thought_signature": signature}}


def _content(message: AIMessage, path: str, target: Target) -> str | list[dict[str, Any]] | None:
    if isinstance(message.content, list):
        return [
            _marked(_part(part, f"{path}.content[{at}]", target), part, target)
            for at, part in enumerate(message.content)
        ]
    return message.content


def _marked(fields: dict[str, Any], part: Part, target: Target) -> dict[str, Any]:
    control = None if isinstance(part, AudioPart) else part.cache_control
    if control is not None and target.vendor.quirks.cache_marks:
        ttl = {} if control.ttl is None else {"ttl": control.ttl}
        fields["cache_control"] = {"type": "ephemeral", **ttl}
    return fields


def _part(part: Part, path: str, target: Target) -> dict[str, Any]:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart():
            image: dict[str, Any] = {"url": part.url or _data_url(part.media_type, part.data)}
            if part.detail is not None:
                image["detail"] = part.detail
            return {"type": "image_url", "image_url": image}
        case FilePart():
            if part.url is not None and not target.vendor.quirks.file_by_url:
                raise InvalidParams(
                    f"{target.vendor.display_name} fetches no documents from a URL.",
                    hint="Send the document itself: `data` in base64, and its `media_type`.",
                    path=f"{path}.url",
                    provider=target.vendor.name,
                )
            data = part.url or _data_url(part.media_type, part.data)
            name = part.filename or "document.pdf"
            if target.vendor.quirks.file_part == "document_url":
                return {"type": "document_url", "document_url": data, "document_name": name}
            return {"type": "file", "file": {"filename": name, "file_data": data}}
        case AudioPart():
            kind = part.media_type.rpartition("/")[2]
            form = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}.get(kind, kind)
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
    assert_never(part)


def _data_url(media_type: str | None, data: str | None) -> str:
    return f"data:{media_type};base64,{data}"


def _tools(request: AIRequest, target: Target, facts: Facts) -> list[dict[str, Any]]:
    tools, quirks, name = request.tools or [], target.vendor.quirks, target.vendor.display_name
    if tools and "tools" in quirks.refuses:
        facts.warn(f"{name} takes no `tools`; they were not sent.")
        return []
    if quirks.cache_marks and any(tool.cache_control for tool in tools):
        facts.warn(f"{name} takes `cache_control` on parts alone; a tool's was not sent.")
    return [_tool(tool) for tool in tools]


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    present = {name: value for name, value in function.items() if value is not None}
    return {"type": "function", "function": present}


def _tool_choice(request: AIRequest, target: Target) -> str | dict[str, Any] | None:
    match request.tool_choice:
        case NamedToolChoice(name=name):
            return {"type": "function", "function": {"name": name}}
        case "required":
            return target.vendor.quirks.required_word
        case other:
            return other


def _response_format(request: AIRequest, target: Target, facts: Facts) -> dict[str, Any] | None:
    taken = target.vendor.quirks.json_formats
    match request.response_format:
        case JsonObjectFormat() if "json_object" in taken:
            return {"type": "json_object"}
        case JsonObjectFormat():
            return _json_schema(JsonSchemaFormat(schema={"type": "object"}))
        case JsonSchemaFormat() as wanted if "json_schema" in taken:
            return _json_schema(wanted)
        case JsonSchemaFormat():
            facts.warn(
                f"{target.vendor.display_name} takes no JSON schema; it was asked for a JSON "
                "object. Say in the prompt what the JSON has to hold."
            )
            return {"type": "json_object"}
        case _:
            return None


def _json_schema(wanted: JsonSchemaFormat) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}


def _reasoning(request: AIRequest, target: Target, facts: Facts) -> dict[str, Any]:
    """The field for how much the model may think, under the vendor's name."""
    wanted = request.reasoning
    if wanted is None:
        return {}
    name, quirks = target.vendor.display_name, target.vendor.quirks
    if quirks.reasoning_object:
        return {"reasoning": _reasoning_object(wanted, target, facts)}
    if wanted.max_tokens is not None:
        facts.warn(
            f"{name} takes no `reasoning.max_tokens` here; it was not sent. Use `reasoning.effort`."
        )
    if quirks.thinking_switch and wanted.effort in (None, "none"):
        return {"thinking": {"type": "disabled" if wanted.effort else "enabled"}}
    if wanted.effort is None and wanted.max_tokens is None:
        warn_of_no_measure(target, facts)
    effort = dict(quirks.efforts).get(wanted.effort or "", wanted.effort)
    if effort != wanted.effort:
        facts.warn(f"{name} has no `reasoning.effort` {wanted.effort!r}; {effort!r} was sent.")
    return {"reasoning_effort": effort}


def _reasoning_object(wanted: ReasoningOptions, target: Target, facts: Facts) -> dict[str, Any]:
    """OpenRouter's, which takes one of the two."""
    if wanted.max_tokens is None:
        return {"enabled": True} if wanted.effort is None else {"effort": wanted.effort}
    if wanted.effort is not None:
        facts.warn(
            f"{target.vendor.display_name} takes either `reasoning.effort` or "
            "`reasoning.max_tokens`; the effort was not sent."
        )
    return {"max_tokens": wanted.max_tokens}

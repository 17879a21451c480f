"""From a request, as all rooms speak it, to the worker's commands. Pure.

A local model reads text alone. What it can't read is refused here, with its path, before a
process is started for it; nothing that would change the answer is left out in silence.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sidecar.errors import RequestRejected
from sidecar.local.models import LocalModel
from sidecar.local.protocol import Chat, Count, Embed, JsonOutput, Message, Sampling
from sidecar.values import (
    AIMessage,
    AIRequest,
    EmbedRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    TextPart,
)

_TEXT_ONLY = "Local models read text only; take this part out, or choose another provider."
_NO_TOOLS = "Local models take no tools; leave them out, or choose another provider."


class Extra(Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `extra` that llama.cpp has and other providers do not share."""

    top_k: Annotated[int, Meta(ge=0)] = 40
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.05
    repeat_penalty: Annotated[float, Meta(gt=0)] = 1.0


def to_chat(request: AIRequest, model: LocalModel, chat_id: int) -> Chat:
    """Return the command. Raises `RequestRejected` with the path of what can't be served."""
    if request.tools:
        raise RequestRejected("local models take no tools", path="$.request.tools", hint=_NO_TOOLS)
    return Chat(
        id=chat_id,
        model=model.spec(),
        messages=[
            _message(message, f"$.request.messages[{place}]")
            for place, message in enumerate(request.messages)
        ],
        sampling=_sampling(request, model),
        max_tokens=request.max_tokens,
        stop=[_clean(stop) for stop in request.stop_sequences or []],
        json=_json_output(request),
    )


def to_count(request: AIRequest, model: LocalModel, count_id: int) -> Count:
    """Return the command. Refuses what the chat itself would be refused for."""
    chat = to_chat(request, model, count_id)
    return Count(id=chat.id, model=chat.model, messages=chat.messages)


def to_embed(request: EmbedRequest, model: LocalModel, embed_id: int) -> Embed:
    """Return the command. Raises `RequestRejected` for `extra`: there is nothing it could set."""
    if request.extra:
        raise RequestRejected(
            f"local models know no `{next(iter(request.extra))}` for vectors",
            path="$.extra",
            hint="Leave `extra` out, or choose another provider.",
        )
    return Embed(
        id=embed_id,
        model=model.spec(),
        texts=[_clean(text) for text in request.input],
        dimensions=request.dimensions,
    )


def left_out(request: AIRequest) -> list[str]:
    """Return what the request asks for and a local model does not do, to be told as warnings."""
    fields = {
        "reasoning": request.reasoning,
        "tool_choice": request.tool_choice if request.tool_choice != "none" else None,
        "parallel_tool_calls": request.parallel_tool_calls,
    }
    return [
        f"Local models take no `{name}`; it was left out."
        for name, value in fields.items()
        if value is not None
    ]


def _message(message: AIMessage, path: str) -> Message:
    if message.tool_calls or message.role == "tool":
        raise RequestRejected(
            "local models take no tool calls and no tool results", path=path, hint=_NO_TOOLS
        )
    return Message(role=message.role, content=_text(message, path), name=message.name)


def _text(message: AIMessage, path: str) -> str:
    if message.content is None or isinstance(message.content, str):
        return _clean(message.content or "")
    texts = []
    for place, part in enumerate(message.content):
        if not isinstance(part, TextPart):
            kind = type(part).__struct_config__.tag
            raise RequestRejected(
                f"a local model can't read a part of type {kind}",
                path=f"{path}.content[{place}]",
                hint=_TEXT_ONLY,
            )
        texts.append(part.text)
    return _clean("".join(texts))


def _clean(text: str) -> str:
    """Replace lone surrogates: they are no characters, and JSON encoders refuse them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _sampling(request: AIRequest, model: LocalModel) -> Sampling:
    extra = _extra(request.extra)
    return Sampling(
        temperature=model.temperature if request.temperature is None else request.temperature,
        top_p=model.top_p if request.top_p is None else request.top_p,
        top_k=extra.top_k,
        min_p=extra.min_p,
        repeat_penalty=extra.repeat_penalty,
        frequency_penalty=request.frequency_penalty or 0.0,
        presence_penalty=request.presence_penalty or 0.0,
        seed=request.seed,
    )


def _extra(fields: dict[str, Any] | None) -> Extra:
    try:
        return msgspec.convert(fields or {}, Extra)
    except msgspec.ValidationError as error:
        raise RequestRejected(
            f"extra can't be used: {error}",
            path="$.request.extra",
            hint=f"Local models know these fields of extra: {', '.join(Extra.__struct_fields__)}.",
        ) from error


def _json_output(request: AIRequest) -> JsonOutput | None:
    match request.response_format:
        case JsonObjectFormat():
            return JsonOutput()
        case JsonSchemaFormat(schema=schema):
            return JsonOutput(schema=schema)
        case _:
            return None

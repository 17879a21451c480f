"""GET /models, with what some vendors add to it."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import AIError, InvalidResponse
from sidecar.providers.base import Target
from sidecar.providers.formats.openai_chat import faults
from sidecar.values import ModelInfo


class _Model(msgspec.Struct):
    id: str
    created: Any = None
    owned_by: Any = None
    name: Any = None
    display_name: Any = None
    context_window: Any = None  # Groq
    context_length: Any = None  # Together, Fireworks
    max_context_length: Any = None  # Mistral
    max_model_len: Any = None  # vLLM
    max_completion_tokens: Any = None  # Groq
    capabilities: Any = None  # Mistral: {name: bool}
    meta: Any = None  # llama.cpp's server


class _List(msgspec.Struct):
    data: list[Any] | None
    """None: Ollama without a model."""


def parse(body: bytes, target: Target) -> list[ModelInfo]:
    """Decode the list; some vendors (Together) give it bare, without `data` around it."""
    try:
        if body.lstrip()[:1] == b"[":
            found = msgspec.json.decode(body, type=list[Any])
        else:
            found = msgspec.json.decode(body, type=_List).data or []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(body, target, str(error)) from None
    models = []
    for item in found:
        try:
            models.append(_info(msgspec.convert(item, _Model, strict=False), target))
        except msgspec.ValidationError:
            continue  # an entry without an id; the others are of use all the same
    if found and not models:
        raise _refused(body, target, "none of its entries has an `id`")
    return models


def _refused(body: bytes, target: Target, reason: str) -> AIError:
    if faults.holds_error(body):
        return faults.error_in_stream(body, target)
    name = target.vendor.display_name
    return InvalidResponse(
        f"{name}'s list of models can't be read: {reason}.",
        provider=target.vendor.name,
        provider_message=faults.excerpt(body, target),
    )


def _info(model: _Model, target: Target) -> ModelInfo:
    meta = model.meta if isinstance(model.meta, dict) else {}
    contexts = (
        model.context_window,
        model.context_length,
        model.max_context_length,
        model.max_model_len,
        meta.get("n_ctx"),
    )
    title = _text(model.display_name) or _text(model.name)
    created = model.created if isinstance(model.created, int | float) else 0
    return ModelInfo(
        id=model.id,
        provider=target.vendor.name,
        display_name=title if title != model.id else None,
        context_window=next((found for each in contexts if (found := _count(each))), None),
        max_output_tokens=_count(model.max_completion_tokens),
        capabilities=_capabilities(model.capabilities),
        created_at=int(created * 1000) if created > 0 else None,
        owned_by=_text(model.owned_by),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _capabilities(given: object) -> list[str] | None:
    if isinstance(given, dict):
        return [str(name) for name, has in given.items() if has is True]
    return None

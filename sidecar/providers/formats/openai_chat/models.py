"""GET /models, with what some vendors add to it."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.base import Target
from sidecar.values import ModelInfo


class _Model(msgspec.Struct):
    id: str
    created: float | None = None
    owned_by: str | None = None
    name: str | None = None
    display_name: str | None = None
    context_window: int | None = None  # Groq
    context_length: int | None = None  # Together, Fireworks
    max_context_length: int | None = None  # Mistral
    max_model_len: int | None = None  # vLLM
    max_completion_tokens: int | None = None  # Groq
    capabilities: Any = None  # Mistral: {name: bool}
    meta: dict[str, Any] | None = None  # llama.cpp's server


class _List(msgspec.Struct):
    data: list[_Model]


def parse(body: bytes, target: Target) -> list[ModelInfo]:
    """Decode the list; some vendors (Together) give it bare, without `data` around it."""
    try:
        if body.lstrip()[:1] == b"[":
            found = msgspec.json.decode(body, type=list[_Model])
        else:
            found = msgspec.json.decode(body, type=_List).data
    except msgspec.DecodeError as error:
        message = f"{target.vendor.display_name}'s list of models can't be read: {error}."
        raise InvalidResponse(message, provider=target.vendor.name) from None
    return [_info(model, target) for model in found]


def _info(model: _Model, target: Target) -> ModelInfo:
    meta = model.meta or {}
    context = (
        model.context_window
        or model.context_length
        or model.max_context_length
        or model.max_model_len
        or meta.get("n_ctx")
    )
    title = model.display_name or model.name
    return ModelInfo(
        id=model.id,
        provider=target.vendor.name,
        display_name=title if title != model.id else None,
        context_window=context if isinstance(context, int) else None,
        max_output_tokens=model.max_completion_tokens,
        capabilities=_capabilities(model.capabilities),
        created_at=int(model.created * 1000) if model.created else None,
        owned_by=model.owned_by,
    )


def _capabilities(given: object) -> list[str] | None:
    if isinstance(given, dict):
        return [str(name) for name, has in given.items() if has is True]
    return None

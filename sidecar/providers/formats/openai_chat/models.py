"""GET /models, with what some vendors add to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, DecimalException
from typing import Any, Literal

import msgspec

from sidecar.keys.redaction import without_secrets
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.lenient import text
from sidecar.providers.vendor import Target
from sidecar.values import ModelInfo, ModelPrices


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
    capabilities: Any = None  # Mistral: {name: bool}; others: [name]
    meta: Any = None  # llama.cpp's server
    deprecation: Any = None  # Mistral: a time, as ISO 8601 writes it
    type: Any = None  # Together: chat, embedding, image, …
    pricing: Any = None  # OpenRouter, in USD a token, as text; Together, in USD a million tokens
    architecture: Any = None  # OpenRouter
    top_provider: Any = None  # OpenRouter
    supported_parameters: Any = None  # OpenRouter: [name]


_PRICE_DIGITS = 40
_DEAREST = 1_000_000
"""In USD; what is more is no price."""

_LAST_SECOND = 253_402_300_799
"""Of the year 9999; no model was made later."""


class _List(msgspec.Struct):
    data: list[Any] | None
    """None: Ollama without a model."""


def parse(body: bytes, target: Target) -> list[ModelInfo]:
    """Decode the list; some vendors (Together) give it bare, without `data` around it."""
    try:
        value = _read(body)
        found = value if isinstance(value, list) else msgspec.convert(value, _List).data or []
    except (ValueError, RecursionError) as error:
        raise faults.misread("list of models", body, target, str(error)) from None
    models = []
    for item in found:
        try:
            models.append(_info(msgspec.convert(item, _Model, strict=False), target))
        except msgspec.ValidationError:
            continue  # an entry without an id; the others are of use all the same
    if found and not models:
        raise faults.misread("list of models", body, target, "none of its entries has an `id`")
    return models


def _read(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient.read(body)


def _info(model: _Model, target: Target) -> ModelInfo:
    contexts = (
        model.context_window,
        model.context_length,
        model.max_context_length,
        model.max_model_len,
        lenient.fields(model.meta).get("n_ctx"),
    )
    outputs = (
        model.max_completion_tokens,
        lenient.fields(model.top_provider).get("max_completion_tokens"),
    )
    title = _name(model.display_name) or _name(model.name)
    architecture = lenient.fields(model.architecture)
    takes = _names(model.supported_parameters)
    calls = lenient.fields(model.capabilities).get("function_calling")
    return ModelInfo(
        id=without_secrets(model.id),
        provider=target.vendor.name,
        display_name=title if title != model.id else None,
        context_window=next((found for each in contexts if (found := lenient.count(each))), None),
        max_output_tokens=next((found for each in outputs if (found := lenient.count(each))), None),
        input_modalities=_names(architecture.get("input_modalities")),
        output_modalities=_names(architecture.get("output_modalities")),
        kind=_kind(model.type),
        tools=calls if isinstance(calls, bool) else _is_in(takes, "tools"),
        structured_output=_is_in(takes, "structured_outputs"),
        reasoning=_is_in(takes, "reasoning"),
        prices=_prices(lenient.fields(model.pricing), target.vendor.quirks.prices_per_tokens),
        deprecation_date=_day(model.deprecation),
        capabilities=_capabilities(model.capabilities),
        created_at=_created_at(model.created),
        owned_by=_name(model.owned_by),
    )


def _name(given: object) -> str | None:
    return without_secrets(text(given) or "") or None


def _is_in(names: list[str] | None, name: str) -> bool | None:
    return None if names is None else name in names


def _kind(given: object) -> Literal["chat", "embedding"] | None:
    return "chat" if given == "chat" else "embedding" if given == "embedding" else None


def _prices(given: dict[str, Any], tokens: int | None) -> ModelPrices | None:
    """What a million tokens cost, where `given` are prices of `tokens` tokens."""
    if tokens is None:
        return None
    prices = ModelPrices(
        currency="USD",
        input=_price(given.get("prompt", given.get("input")), tokens),
        output=_price(given.get("completion", given.get("output")), tokens),
        cache_read=_price(given.get("input_cache_read"), tokens),
        cache_write=_price(given.get("input_cache_write"), tokens),
    )
    return None if prices == ModelPrices(currency="USD") else prices


def _price(given: object, tokens: int) -> float | None:
    """One price, of a million tokens."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        # not by floats: 0.00000015 a token would be 0.15000000000000002
        price = Decimal(str(given)[:_PRICE_DIGITS]) * 1_000_000 / tokens
    except DecimalException:
        return None
    # below zero: OpenRouter's router, which costs what the model costs that it finds;
    # zero that is no text: Together's models that are not paid by the token
    least = 0 if isinstance(given, str) else Decimal("1e-9")
    return float(price) if price.is_finite() and least <= price <= _DEAREST else None


def _day(given: object) -> str | None:
    try:
        return date.fromisoformat(str(given)[:10]).isoformat()
    except ValueError:
        return None


def _created_at(given: object) -> int | None:
    seconds = lenient.amount(given)
    return int(seconds * 1000) if seconds and 0 < seconds <= _LAST_SECOND else None


def _capabilities(given: object) -> list[str] | None:
    if isinstance(given, dict):
        return [without_secrets(str(name)) for name, has in given.items() if has is True]
    return _names(given)


def _names(given: object) -> list[str] | None:
    if not isinstance(given, list):
        return None
    return [without_secrets(name) for name in given if isinstance(name, str)]

"""GET /api/tags: the models that are there, with what newer servers tell of each."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.keys.redaction import without_secrets
from sidecar.providers.formats import faults, lenient
from sidecar.providers.vendor import Target
from sidecar.values import ModelInfo

_SENSES = {"vision": "image", "audio": "audio"}


class _Model(msgspec.Struct):
    model: str | None = None
    name: str | None = None
    details: Any = None
    capabilities: Any = None


class _List(msgspec.Struct):
    models: list[Any] | None
    """None: there is none."""


def parse(body: bytes, target: Target) -> list[ModelInfo]:
    """Decode the list."""
    try:
        found = msgspec.convert(lenient.read(body), _List).models or []
    except (ValueError, RecursionError) as error:
        raise faults.misread("list of models", body, target, str(error)) from None
    models = []
    for item in found:
        try:
            info = _info(msgspec.convert(item, _Model), target)
        except msgspec.ValidationError:
            continue  # an entry without a name; the others are of use all the same
        models += [info] if info is not None else []
    if found and not models:
        raise faults.misread("list of models", body, target, "none of its entries has a `model`")
    return models


def _info(model: _Model, target: Target) -> ModelInfo | None:
    name = model.model or model.name
    if not name:
        return None
    capabilities = _words(model.capabilities)
    senses = [_SENSES[each] for each in capabilities or () if each in _SENSES]
    return ModelInfo(
        id=without_secrets(name),
        provider=target.vendor.name,
        context_window=lenient.count(lenient.fields(model.details).get("context_length")) or None,
        input_modalities=["text", *senses] if capabilities else None,
        capabilities=capabilities,
    )


def _words(given: object) -> list[str] | None:
    if not isinstance(given, list):
        return None
    return [without_secrets(each) for each in given if isinstance(each, str)] or None

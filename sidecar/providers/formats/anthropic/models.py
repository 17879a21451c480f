"""GET /v1/models, a page at a time. https://platform.claude.com/docs/en/api/models-list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from sidecar.keys.redaction import without_secrets
from sidecar.providers.format import ModelsPage
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.lenient import name_of
from sidecar.providers.vendor import Target
from sidecar.values import ModelInfo

PAGE = 1000
"""The most that one page may have."""


class _Model(msgspec.Struct):
    id: str
    display_name: Any = None
    created_at: Any = None
    max_input_tokens: Any = None
    max_tokens: Any = None
    capabilities: Any = None


class _List(msgspec.Struct):
    data: list[Any]
    has_more: Any = None
    last_id: Any = None


def parse(body: bytes, target: Target) -> ModelsPage:
    """Decode one page of the list."""
    try:
        found = msgspec.convert(_read(body), _List)
    except (ValueError, RecursionError) as error:
        raise faults.misread("list of models", body, target, str(error)) from None
    models = []
    for item in found.data:
        try:
            models.append(_info(msgspec.convert(item, _Model), target))
        except msgspec.ValidationError:
            continue  # an entry without an id; the others are of use all the same
    if found.data and not models:
        raise faults.misread("list of models", body, target, "none of its entries has an `id`")
    following = name_of(found.last_id) if found.has_more is True else None
    return ModelsPage(models, following)


def _read(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient.read(body)


def _info(model: _Model, target: Target) -> ModelInfo:
    able = _able(model.capabilities)
    return ModelInfo(
        id=without_secrets(model.id),
        provider=target.vendor.name,
        display_name=name_of(model.display_name),
        context_window=lenient.count(model.max_input_tokens) or None,
        max_output_tokens=lenient.count(model.max_tokens) or None,
        input_modalities=_modalities(able) if able else None,
        capabilities=able or None,
        created_at=_created_at(model.created_at),
    )


def _able(given: object) -> list[str]:
    return [
        without_secrets(str(each))
        for each, support in lenient.fields(given).items()
        if lenient.fields(support).get("supported") is True
    ]


def _modalities(able: list[str]) -> list[str]:
    inputs = {"image_input": "image", "pdf_input": "pdf"}
    return ["text", *(word for each, word in inputs.items() if each in able)]


def _created_at(given: object) -> int | None:
    """Milliseconds of an RFC 3339 date; the epoch stands for one that is not known."""
    try:
        date = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None
    if date is None:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0, round(date.timestamp() * 1000)) or None

"""GET /models: https://ai.google.dev/api/models#Model."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.keys.redaction import without_secrets
from sidecar.providers.format import ModelsPage
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.lenient import text
from sidecar.providers.vendor import Target
from sidecar.values import ModelInfo

PAGE_SIZE = 1000
"""The most that it gives at once."""


class _List(msgspec.Struct, rename="camel"):
    models: list[Any] | None = None
    next_page_token: Any = None


def parse(body: bytes, target: Target) -> ModelsPage:
    """Decode one page. An entry without a name is passed over; the others are of use."""
    try:
        found = msgspec.convert(lenient.read(body), _List)
    except (ValueError, RecursionError) as error:
        raise faults.misread("list of models", body, target, str(error)) from None
    given = found.models or []
    if not given and faults.holds_error(body):
        raise faults.misread("list of models", body, target, "it is an error")
    models = [info for each in given if (info := _info(lenient.fields(each), target))]
    if given and not models:
        raise faults.misread("list of models", body, target, "none of its entries has a `name`")
    return ModelsPage(models, text(found.next_page_token))


def _info(given: dict[str, Any], target: Target) -> ModelInfo | None:
    name = text(given.get("name"))
    if name is None:
        return None
    model = without_secrets(name.removeprefix("models/"))
    title = without_secrets(text(given.get("displayName")) or "") or None
    return ModelInfo(
        id=model,
        provider=target.vendor.name,
        display_name=title if title != model else None,
        context_window=lenient.count(given.get("inputTokenLimit")) or None,
        max_output_tokens=lenient.count(given.get("outputTokenLimit")) or None,
        capabilities=_capabilities(given),
    )


def _capabilities(given: dict[str, Any]) -> list[str] | None:
    """In Google's own words: the methods that a model has, and `thinking`."""
    methods = given.get("supportedGenerationMethods")
    if not isinstance(methods, list):
        return None
    words = [without_secrets(each) for each in methods if isinstance(each, str)]
    return [*words, *(["thinking"] if given.get("thinking") is True else [])]

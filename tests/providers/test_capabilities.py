"""What the README's table says of each provider: that is sent. And nothing is lost in silence."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sidecar.engine import unheeded
from sidecar.errors import InvalidParams
from sidecar.providers.catalog import VENDORS
from sidecar.providers.formats import load
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Vendor
from sidecar.values import AIRequest
from tests.providers.answers import target_of

Json = dict[str, Any]
DATA = "AAAA"
PDF = {"type": "file", "data": DATA, "media_type": "application/pdf"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def parts(*given: Json) -> Json:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, *given]}]}


REQUESTS: dict[str, Json] = {
    "tools": {"tools": [{"name": "f", "parameters": SCHEMA}]},
    "json_schema": {"response_format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
    "json_object": {"response_format": {"type": "json_object"}},
    "images": parts({"type": "image", "data": DATA, "media_type": "image/png"}),
    "files": parts(PDF),
    "audio": parts({"type": "audio", "data": DATA, "media_type": "audio/wav"}),
    "reasoning": {"reasoning": {"effort": "high"}},
    "document_citations": parts(PDF | {"citations": True}),
    "prompt_caching": parts({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
}
"""For each capability that shows in a request, one that needs it."""
ELSEWHERE = {"chat", "streaming", "models", "citations", "embeddings", "offline"}
"""Those that show in answers or in other requests: the tests of the formats, and of `embed`."""
WITHOUT: dict[str, Json] = {
    "images": parts(),
    "files": parts(),
    "audio": parts(),
    "document_citations": parts(PDF),
    "prompt_caching": parts({"type": "text", "text": "x"}),
}
"""The same without it, where that is more than a greeting."""
MODELS = {
    "openai": ("gpt-4o-audio-preview", "gpt-5.1"),
    "anthropic": ("claude-sonnet-4-5",),
    "google": ("gemini-2.5-flash",),
    "google-openai": ("gemini-2.5-flash",),
    "azure": ("gpt-4o", "gpt-5.1"),
}
"""Models that have what a provider's have, all together; elsewhere any name will do."""
REMOTE = [vendor for vendor in VENDORS if vendor.format != "local"]


def sent(vendor: Vendor, model: str, fields: Json) -> tuple[Json, list[str]]:
    """The body for a request, and what is told of it."""
    given = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 50_000} | fields
    request, facts = msgspec.convert(given, AIRequest), Facts()
    unheeded.tell(request, vendor, facts)
    http = load(vendor.format_of(model)).build_request(
        request, target_of(vendor, model=model), facts
    )
    body: Json = json.loads(http.body or b"")
    return body, facts.warnings


@pytest.mark.parametrize("word", REQUESTS)
@pytest.mark.parametrize("vendor", REMOTE, ids=lambda vendor: str(vendor.name))
def test_what_a_row_can_do_is_sent_and_all_else_is_told(vendor: Vendor, word: str) -> None:
    plain = WITHOUT.get(word, {})
    can = []
    for model in MODELS.get(vendor.name, ("some-model",)):
        try:
            body, warnings = sent(vendor, model, REQUESTS[word])
        except InvalidParams:
            continue
        changes = body != sent(vendor, model, plain)[0]
        assert changes or warnings, f"{word} is lost in silence by {model}"
        can.append(changes and not warnings)
    if word in vendor.capabilities:
        assert any(can), f"the row promises {word}"


def test_every_capability_is_tested_somewhere() -> None:
    said = {word for vendor in VENDORS for word in vendor.capabilities}
    assert said == {*REQUESTS, *ELSEWHERE}

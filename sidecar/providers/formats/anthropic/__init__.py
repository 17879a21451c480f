"""Anthropic's Messages API. https://platform.claude.com/docs/en/api/messages.

Pure: no IO, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from sidecar.errors import AIError
from sidecar.providers.format import Framing, HttpRequest, ModelsPage
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.anthropic import body, decoding, models
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, StreamChunk

VERSION = "2023-06-01"
"""The next one, 2026-10-21, takes no `temperature` and no `top_p` of any model."""


class Anthropic:
    """The format `anthropic`."""

    framing: Framing = "sse"

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /v1/messages."""
        return HttpRequest(
            "POST",
            f"{target.base_url}/v1/messages",
            _headers(target, "text/event-stream" if request.stream else "application/json"),
            body.encode(request, target, facts),
        )

    def decoder(self, target: Target, facts: Facts) -> decoding.MessagesDecoder:
        """Return a decoder for one stream of events."""
        return decoding.MessagesDecoder(target, facts)

    def parse_response(self, body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
        """Decode a message."""
        return decoding.parse_response(body, target, facts)

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, target: Target
    ) -> AIError:
        """Decode an error answer."""
        return faults.parse_error(status, headers, body, target)

    def build_models_request(self, target: Target, page: str | None = None) -> HttpRequest:
        """GET /v1/models, the models after the one named by `page`."""
        query = {"limit": str(models.PAGE)} | ({"after_id": page} if page else {})
        url = f"{target.base_url}/v1/models?{urlencode(query)}"
        return HttpRequest("GET", url, _headers(target, "application/json"))

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode a page of the list of models."""
        return models.parse(body, target)

    def build_count_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /v1/messages/count_tokens."""
        return HttpRequest(
            "POST",
            f"{target.base_url}/v1/messages/count_tokens",
            _headers(target, "application/json"),
            body.encode_for_count(request, target, facts),
        )

    def parse_count(self, body: bytes, target: Target) -> int:
        """Decode `{"input_tokens": n}`."""
        try:
            found = lenient.fields(lenient.read(body)).get("input_tokens")
        except (ValueError, RecursionError):
            found = None
        counted = lenient.count(found)
        if counted is not None:
            return counted
        raise faults.misread("count of tokens", body, target, "it has no `input_tokens`")


def _headers(target: Target, accept: str) -> dict[str, str]:
    return {
        "accept": accept,
        "content-type": "application/json",
        "anthropic-version": VERSION,
        **target.credentials(),
    }

"""OpenAI's Chat Completions API, which many vendors and local servers speak.

https://platform.openai.com/docs/api-reference/chat. Pure: no IO, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.errors import AIError
from sidecar.providers.format import Framing, HttpRequest, ModelsPage
from sidecar.providers.formats import faults
from sidecar.providers.formats.openai_chat import body, decoding, models
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, StreamChunk


class OpenAIChat:
    """The format `openai_chat`."""

    framing: Framing = "sse"

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /chat/completions."""
        return HttpRequest(
            "POST",
            f"{target.base_url}/chat/completions",
            _headers(target, "text/event-stream" if request.stream else "application/json"),
            body.encode(request, target, facts),
        )

    def decoder(self, target: Target, facts: Facts) -> decoding.ChatDecoder:
        """Return a decoder for one stream of `chat.completion.chunk` objects."""
        return decoding.ChatDecoder(target, facts)

    def parse_response(self, body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
        """Decode a `chat.completion` object."""
        return decoding.parse_response(body, target, facts)

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, target: Target
    ) -> AIError:
        """Decode an error answer, whichever of its many shapes it has."""
        return faults.parse_error(status, headers, body, target)

    def build_models_request(self, target: Target, page: str | None = None) -> HttpRequest:
        """GET /models. It has no pages."""
        del page
        headers = _headers(target, "application/json")
        return HttpRequest("GET", f"{target.base_url}/models", headers)

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode the list of models."""
        return ModelsPage(models.parse(body, target))


def _headers(target: Target, accept: str) -> dict[str, str]:
    headers = {"accept": accept, "content-type": "application/json", **target.credentials()}
    if target.organization and target.vendor.quirks.organization_header:
        headers[target.vendor.quirks.organization_header] = target.organization
    return headers

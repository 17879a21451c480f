"""OpenAI's Responses API, used without its memory: each request has the whole conversation.

https://platform.openai.com/docs/api-reference/responses. Pure: no IO, no clock. What it shares
with Chat Completions (models, embeddings, errors) is taken from there.
"""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.errors import AIError
from sidecar.providers.format import Embedded, Framing, HttpRequest, ModelsPage
from sidecar.providers.formats import faults
from sidecar.providers.formats.openai_chat import OpenAIChat
from sidecar.providers.formats.openai_responses import body, decoding
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, EmbedRequest, StreamChunk

_CHAT = OpenAIChat()


class OpenAIResponses:
    """The format `openai_responses`."""

    framing: Framing = "sse"
    most_texts = _CHAT.most_texts

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /responses."""
        return HttpRequest(
            "POST",
            f"{target.base_url}/responses",
            _CHAT.headers(target, "text/event-stream" if request.stream else "application/json"),
            body.encode(request, target, facts),
        )

    def decoder(self, target: Target, facts: Facts) -> decoding.ResponsesDecoder:
        """Return a decoder for one stream of `response.*` events."""
        return decoding.ResponsesDecoder(target, facts)

    def parse_response(self, body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
        """Decode a `response` object."""
        return decoding.parse_response(body, target, facts)

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, target: Target
    ) -> AIError:
        """Decode an error answer, whichever of its many shapes it has."""
        return faults.parse_error(status, headers, body, target)

    def build_models_request(self, target: Target, page: str | None = None) -> HttpRequest:
        """GET /models, as of Chat Completions."""
        return _CHAT.build_models_request(target, page)

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode the list of models."""
        return _CHAT.parse_models(body, target)

    def build_embed_request(
        self, texts: list[str], request: EmbedRequest, target: Target
    ) -> HttpRequest:
        """POST /embeddings, as beside Chat Completions."""
        return _CHAT.build_embed_request(texts, request, target)

    def parse_embeddings(self, body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
        """Decode the vectors. Raises `InvalidResponse` for another number of them."""
        return _CHAT.parse_embeddings(body, count, target, facts)

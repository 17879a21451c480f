"""Ollama's own API: `/api/chat`, `/api/tags` and `/api/embed`.

https://docs.ollama.com/api. It streams JSON lines, gives tool calls whole and takes images as bare
base64. Pure: no IO, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.errors import AIError, ModelNotFound
from sidecar.providers.format import Embedded, Framing, HttpRequest, ModelsPage
from sidecar.providers.formats import faults
from sidecar.providers.formats.ollama import body, decoding, embeddings, models
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, EmbedRequest, StreamChunk


class Ollama:
    """The format `ollama`."""

    framing: Framing = "ndjson"
    most_texts = embeddings.MOST_TEXTS

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /api/chat."""
        return _post(target, "/api/chat", body.encode(request, target, facts))

    def decoder(self, target: Target, facts: Facts) -> decoding.OllamaDecoder:
        """Return a decoder for one stream of JSON lines."""
        return decoding.OllamaDecoder(target, facts)

    def parse_response(self, body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
        """Decode a whole answer: one object that is `done`."""
        return decoding.parse_response(body, target, facts)

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, target: Target
    ) -> AIError:
        """Decode `{"error": "text"}`."""
        error = faults.parse_error(status, headers, body, target)
        if b'"signin_url"' in body:  # a hosted model, asked through a server on this machine
            error.hint = "Its hosted models need an account: sign in with `ollama signin`."
        elif isinstance(error, ModelNotFound):
            error.hint = (
                "Pull it first: `ollama pull` and its name; list_models tells which are there."
            )
        return error

    def build_models_request(self, target: Target, page: str | None = None) -> HttpRequest:
        """GET /api/tags. It has no pages."""
        del page
        return HttpRequest("GET", f"{target.base_url}/api/tags", _headers(target))

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode the list of the models that are there."""
        return ModelsPage(models.parse(body, target))

    def build_embed_request(
        self, texts: list[str], request: EmbedRequest, target: Target
    ) -> HttpRequest:
        """POST /api/embed."""
        return _post(target, "/api/embed", embeddings.encode(texts, request, target))

    def parse_embeddings(self, body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
        """Decode the vectors of so many texts. Raises `InvalidResponse` for another number."""
        return embeddings.parse(body, count, target, facts)


def _post(target: Target, path: str, content: bytes) -> HttpRequest:
    return HttpRequest("POST", f"{target.base_url}{path}", _headers(target), content)


def _headers(target: Target) -> dict[str, str]:
    return {
        "accept": "application/x-ndjson, application/json",
        "content-type": "application/json",
        **target.credentials(),
    }

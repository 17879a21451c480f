"""Google's own API for Gemini: generateContent and what belongs to it.

https://ai.google.dev/api. Pure: no IO, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from sidecar.errors import AIError
from sidecar.providers.format import Embedded, Framing, HttpRequest, ModelsPage
from sidecar.providers.formats import faults
from sidecar.providers.formats.gemini import body, counting, decoding, embeddings, models
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, EmbedRequest, StreamChunk


class Gemini:
    """The format `gemini`."""

    framing: Framing = "sse"
    most_texts = embeddings.MOST_TEXTS

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /models/{model}:generateContent, or :streamGenerateContent?alt=sse."""
        data = body.encode(request, target, facts)
        if request.stream:
            return _post(target, "streamGenerateContent?alt=sse", data, "text/event-stream")
        return _post(target, "generateContent", data)

    def decoder(self, target: Target, facts: Facts) -> decoding.GeminiDecoder:
        """Return a decoder for one stream of `GenerateContentResponse` objects."""
        return decoding.GeminiDecoder(target, facts)

    def parse_response(self, body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
        """Decode a `GenerateContentResponse`."""
        return decoding.parse_response(body, target, facts)

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, target: Target
    ) -> AIError:
        """Decode an error answer: `{error: {code, message, status, details}}`, or a list of it."""
        return faults.parse_error(status, headers, body, target)

    def build_models_request(self, target: Target, page: str | None = None) -> HttpRequest:
        """GET /models."""
        query = {"pageSize": str(models.PAGE_SIZE)} | ({"pageToken": page} if page else {})
        url = f"{target.base_url}/models?{urlencode(query)}"
        return HttpRequest("GET", url, _headers(target))

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode a page of the list of models."""
        return models.parse(body, target)

    def build_embed_request(
        self, texts: list[str], request: EmbedRequest, target: Target
    ) -> HttpRequest:
        """POST /models/{model}:batchEmbedContents."""
        data = embeddings.encode(texts, request, _model(target))
        return _post(target, "batchEmbedContents", data)

    def parse_embeddings(self, body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
        """Decode the vectors, which are in the order of the texts."""
        return embeddings.parse(body, count, target, facts)

    def build_count_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /models/{model}:countTokens."""
        return _post(target, "countTokens", counting.encode(request, _model(target), target, facts))

    def parse_count(self, body: bytes, target: Target) -> int:
        """Decode how many tokens the request has."""
        return counting.parse(body, target)


def _model(target: Target) -> str:
    """The model as a resource: `models/…`, or another kind that its name says."""
    kind, slash, name = target.model.partition("/")
    if slash and kind in ("models", "tunedModels"):
        return f"{kind}/{name}"
    return f"models/{target.model}"


def _post(
    target: Target, method: str, data: bytes, accept: str = "application/json"
) -> HttpRequest:
    kind, _, name = _model(target).partition("/")
    url = f"{target.base_url}/{kind}/{quote(name, safe='')}:{method}"
    return HttpRequest("POST", url, _headers(target, accept), data)


def _headers(target: Target, accept: str = "application/json") -> dict[str, str]:
    return {"accept": accept, "content-type": "application/json", **target.credentials()}

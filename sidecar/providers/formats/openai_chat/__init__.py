"""OpenAI's Chat Completions API, which many vendors and local servers speak.

https://platform.openai.com/docs/api-reference/chat. Pure: no IO, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.errors import AIError
from sidecar.providers.format import Embedded, Framing, HttpRequest, ModelsPage
from sidecar.providers.formats import faults
from sidecar.providers.formats.openai_chat import body, decoding, embeddings, models, urls
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import ClientApp, Target
from sidecar.values import AIRequest, EmbedRequest, StreamChunk


class OpenAIChat:
    """The format `openai_chat`."""

    framing: Framing = "sse"
    most_texts = embeddings.MOST_TEXTS

    def build_request(self, request: AIRequest, target: Target, facts: Facts) -> HttpRequest:
        """POST /chat/completions."""
        return HttpRequest(
            "POST",
            urls.chat(target),
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
        return HttpRequest("GET", urls.models(target), headers)

    def parse_models(self, body: bytes, target: Target) -> ModelsPage:
        """Decode the list of models."""
        return ModelsPage(models.parse(body, target))

    def headers(self, target: Target, accept: str) -> dict[str, str]:
        """Those of every request to such a server, the key among them."""
        return _headers(target, accept)

    def build_embed_request(
        self, texts: list[str], request: EmbedRequest, target: Target
    ) -> HttpRequest:
        """POST /embeddings."""
        return HttpRequest(
            "POST",
            urls.of(target, "embeddings", of_model=True),
            _headers(target, "application/json"),
            embeddings.encode(texts, request, target),
        )

    def parse_embeddings(self, body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
        """Decode the vectors. Raises `InvalidResponse` for another number of them."""
        return embeddings.parse(body, count, target, facts)


def _headers(target: Target, accept: str) -> dict[str, str]:
    headers = {"accept": accept, "content-type": "application/json", **target.credentials()}
    if target.organization and target.vendor.quirks.organization_header:
        headers[target.vendor.quirks.organization_header] = target.organization
    if target.app is not None and target.vendor.quirks.attribution:
        headers |= _attribution(target.app)
    return headers


def _attribution(app: ClientApp) -> dict[str, str]:
    """OpenRouter's: https://openrouter.ai/docs/app-attribution."""
    name = "".join(each for each in app.name if each.isascii() and each.isprintable()).strip()
    headers = {"x-title": name} if name else {}
    return headers | ({"http-referer": app.url} if app.url is not None else {})

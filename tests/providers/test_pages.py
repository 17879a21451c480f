"""Lists of models that come in pages, through the real client."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs

import httpx
import pytest

from sidecar.providers.client import Client
from sidecar.providers.formats import load
from tests.providers.answers import target_of

pytestmark = pytest.mark.anyio
FORMATS = ("anthropic", "gemini")


def page(wire: str, model: str, following: str | None) -> httpx.Response:
    if wire == "anthropic":
        more = {"has_more": following is not None, "last_id": following}
        return httpx.Response(200, json={"data": [{"id": model}], **more})
    more = {"nextPageToken": following} if following else {}
    return httpx.Response(200, json={"models": [{"name": f"models/{model}"}], **more})


def asked_for(request: httpx.Request) -> str | None:
    query = parse_qs(request.url.query.decode())
    found = query.get("after_id") or query.get("pageToken")
    return found[0] if found else None


async def listed(wire: str, client: Client) -> list[str]:
    target = target_of({"anthropic": "anthropic", "gemini": "google"}[wire])
    return [model.id for model in await client.models(load(wire), target)]


@pytest.mark.parametrize("wire", FORMATS)
async def test_all_pages_are_read_in_their_order(wire: str) -> None:
    following = {None: "b", "b": "c", "c": None}

    def respond(request: httpx.Request) -> httpx.Response:
        asked = asked_for(request)
        return page(wire, f"model-{asked}", following[asked])

    client = Client(transport=httpx.MockTransport(respond))
    assert await listed(wire, client) == ["model-None", "model-b", "model-c"]
    await client.close()


@pytest.mark.parametrize("wire", FORMATS)
@pytest.mark.parametrize("circle", [True, False])
async def test_a_list_without_end_is_given_up_and_told(
    wire: str, caplog: pytest.LogCaptureFixture, *, circle: bool
) -> None:
    asked: list[str | None] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(asked_for(request))
        return page(wire, f"model-{len(asked)}", "again" if circle else f"p{len(asked)}")

    client = Client(transport=httpx.MockTransport(respond))
    with caplog.at_level(logging.WARNING):
        models = await listed(wire, client)
    assert len(models) == len(asked) == (2 if circle else 100)
    assert "has no end" in caplog.text
    await client.close()

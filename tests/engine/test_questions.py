"""What a provider is asked besides conversations."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sidecar.engine.questions import Questions
from sidecar.errors import ComponentMissing
from sidecar.providers.catalog import VENDORS
from sidecar.providers.client import Client
from sidecar.settings import ProviderSettings
from sidecar.values import EmbedRequest, ModelInfo
from tests.engine.test_manager import manager

pytestmark = pytest.mark.anyio


async def test_a_provider_of_this_machine_that_lacks_a_part_fails_its_test(tmp_path: Path) -> None:
    made = Questions(manager(tmp_path))
    assert [model.id for model in await made.test("scripted", None)] == ["hello"]
    (tmp_path / "hello.jsonl").unlink()
    with pytest.raises(ComponentMissing) as missing:
        await made.test("scripted", None)
    assert "doctor" in missing.value.hint


def listing(made: Questions, *asked: str) -> None:
    """Let providers answer with two models, and hold where they were asked."""
    where = list(asked)

    def respond(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == where.pop(0)
        known = {"id": "openai/gpt-oss-120b", "context_window": 1000, "owned_by": "them"}
        return httpx.Response(200, json={"data": [known, {"id": "unheard-of"}]})

    made._remote._client = Client(transport=httpx.MockTransport(respond))


async def test_a_live_list_is_filled_in_with_what_is_known_and_keeps_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    made = Questions(manager(tmp_path))
    listing(made, "https://api.groq.com/openai/v1/models")
    known, other = await made.models("groq")
    assert (known.id, known.context_window, known.owned_by) == ("openai/gpt-oss-120b", 1000, "them")
    assert (known.kind, known.tools, known.max_output_tokens) == ("chat", True, None)
    assert known.prices
    assert known.prices.as_of
    assert other == ModelInfo(id="unheard-of", provider="groq")
    await made._remote.close()


async def test_a_provider_that_was_pointed_elsewhere_has_not_the_prices_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    elsewhere = ProviderSettings(base_url="http://127.0.0.1:9/v1")
    mine = ProviderSettings(format="openai_chat", base_url="https://api.groq.com/openai/v1")
    made = Questions(manager(tmp_path, groq=elsewhere, mine=mine))
    listing(made, "http://127.0.0.1:9/v1/models", "https://api.groq.com/openai/v1/models")
    assert [model.prices for model in await made.models("groq")] == [None, None]
    assert [bool(model.prices) for model in await made.models("mine")] == [True, False]
    await made._remote.close()


_EMBEDS: dict[str, tuple[str, object]] = {
    "openai_chat": ("/embeddings", {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}),
    "gemini": ("/models/m:batchEmbedContents", {"embeddings": [{"values": [1.0, 2.0]}]}),
    "ollama": ("/api/embed", {"embeddings": [[1.0, 2.0]]}),
}
"""Where each format asks for vectors, and what is answered there."""


@pytest.mark.parametrize(
    "provider",
    [
        vendor.name
        for vendor in VENDORS
        if "embeddings" in vendor.capabilities and vendor.format != "local"
    ],
)
async def test_every_row_that_says_so_makes_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    asked: list[str] = []
    answer = _EMBEDS[next(row.format for row in VENDORS if row.name == provider)][1]

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json=answer)

    addresses = {
        "azure": "https://mine.openai.azure.com",
        "openai-compatible": "https://here.example/v1",
    }
    given = {
        name: ProviderSettings(base_url=address)
        for name, address in addresses.items()
        if name == provider
    }
    made = Questions(manager(tmp_path, **given))
    for variable in made._manager.directory.row(provider).vendor.key_variables:
        monkeypatch.setenv(variable, "a-key")
    made._remote._client = Client(transport=httpx.MockTransport(respond))
    row, _, found = await made.embed(provider, "m", EmbedRequest(input=["a"]), "e-1")
    assert found.vectors == [[1.0, 2.0]]
    assert asked[0].endswith(_EMBEDS[row.vendor.format][0])
    await made._remote.close()


def test_the_rows_that_make_vectors_are_those_that_are_known_for_it() -> None:
    can = {vendor.name for vendor in VENDORS if "embeddings" in vendor.capabilities}
    assert can >= {"openai", "azure", "google", "mistral", "ollama", "openai-compatible", "local"}


async def test_a_provider_without_a_list_has_the_models_of_its_row(tmp_path: Path) -> None:
    models = await Questions(manager(tmp_path)).models("perplexity")
    assert [model.id for model in models][:2] == ["sonar", "sonar-pro"]
    assert all(model.prices and model.context_window for model in models)

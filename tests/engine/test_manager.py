"""The manager: which provider a request goes to, with what."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sidecar.engine.directory import Active, Directory
from sidecar.engine.manager import AIManager
from sidecar.engine.on_this_machine import LocalProvider
from sidecar.errors import (
    AIError,
    ComponentMissing,
    InvalidParams,
    KeyNotFound,
    ProviderNotFound,
)
from sidecar.providers.client import Client
from sidecar.providers.scripted import ScriptedProvider
from sidecar.records.database import Database
from sidecar.settings import Config, ProviderSettings
from sidecar.values import AIMessage, AIRequest, ModelInfo
from tests.keys.keepers import custody

pytestmark = pytest.mark.anyio


def manager(tmp_path: Path, **rows: ProviderSettings) -> AIManager:
    (tmp_path / "hello.jsonl").write_text('{"content":"hi"}', encoding="utf-8")
    directory = Directory(Config(providers=rows), scripted=True)
    here: dict[str, LocalProvider] = {"scripted": ScriptedProvider(tmp_path)}
    return AIManager(directory, custody(Database(tmp_path / "home")), here)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AIManager:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    return manager(tmp_path)


def asking(model: str | None = None) -> AIRequest:
    return AIRequest(messages=[AIMessage(role="user", content="hi")], model=model)


async def test_the_model_is_the_requests_then_the_providers_then_the_active_one(
    tmp_path: Path,
) -> None:
    made = manager(tmp_path, lmstudio=ProviderSettings(model="row"))
    assert made.prepare("lmstudio", asking("own"))[1] == "own"
    assert made.prepare("lmstudio", asking())[1] == "row"
    made.directory.active = Active(provider="vllm", model="active")
    assert made.prepare("vllm", asking())[1] == "active"
    assert made.prepare(None, asking())[1] == "active"
    made.directory.active = Active(provider="lmstudio", model="active")
    assert made.prepare(None, asking())[1] == "active"
    assert made.prepare("lmstudio", asking())[1] == "row"
    assert made.prepare("scripted", asking())[1] == "hello"


async def test_a_provider_of_this_machine_that_lacks_a_part_fails_its_test(tmp_path: Path) -> None:
    made = manager(tmp_path)
    assert [model.id for model in await made.test("scripted", None)] == ["hello"]
    (tmp_path / "hello.jsonl").unlink()
    with pytest.raises(ComponentMissing) as missing:
        await made.test("scripted", None)
    assert "doctor" in missing.value.hint


def listing(made: AIManager, *asked: str) -> None:
    """Let providers answer with two models, and hold where they were asked."""
    where = list(asked)

    def respond(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == where.pop(0)
        known = {"id": "openai/gpt-oss-120b", "context_window": 1000, "owned_by": "them"}
        return httpx.Response(200, json={"data": [known, {"id": "unheard-of"}]})

    made._client = Client(transport=httpx.MockTransport(respond))


async def test_a_live_list_is_filled_in_with_what_is_known_and_keeps_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    made = manager(tmp_path)
    listing(made, "https://api.groq.com/openai/v1/models")
    known, other = await made.models("groq")
    assert (known.id, known.context_window, known.owned_by) == ("openai/gpt-oss-120b", 1000, "them")
    assert (known.kind, known.tools, known.max_output_tokens) == ("chat", True, None)
    assert known.prices
    assert known.prices.as_of
    assert other == ModelInfo(id="unheard-of", provider="groq")
    await made.close()


async def test_a_provider_that_was_pointed_elsewhere_has_not_the_prices_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    elsewhere = ProviderSettings(base_url="http://127.0.0.1:9/v1")
    mine = ProviderSettings(format="openai_chat", base_url="https://api.groq.com/openai/v1")
    made = manager(tmp_path, groq=elsewhere, mine=mine)
    listing(made, "http://127.0.0.1:9/v1/models", "https://api.groq.com/openai/v1/models")
    assert [model.prices for model in await made.models("groq")] == [None, None]
    assert [bool(model.prices) for model in await made.models("mine")] == [True, False]
    await made.close()


async def test_a_provider_without_a_list_has_the_models_of_its_row(tmp_path: Path) -> None:
    models = await manager(tmp_path).models("perplexity")
    assert [model.id for model in models][:2] == ["sonar", "sonar-pro"]
    assert all(model.prices and model.context_window for model in models)


@pytest.mark.parametrize(
    ("provider", "model", "kind", "path"),
    [
        ("none", "m", ProviderNotFound, "$.provider"),
        ("groq", "m", KeyNotFound, None),
        ("vllm", None, InvalidParams, "$.request.model"),
        ("openai-compatible", "m", InvalidParams, "$.provider"),
    ],
)
async def test_what_can_be_wrong_before_a_provider_is_asked_is_told_at_once(
    made: AIManager, provider: str, model: str | None, kind: type[AIError], path: str | None
) -> None:
    with pytest.raises(kind) as caught:
        made.prepare(provider, asking(model))
    assert caught.value.path == path

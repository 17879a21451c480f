"""The manager: which provider a request goes to, with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.engine.directory import Active, Directory
from sidecar.engine.manager import AIManager
from sidecar.engine.network import Network
from sidecar.engine.on_this_machine import LocalProvider
from sidecar.engine.remote import Remote
from sidecar.errors import (
    AIError,
    InvalidParams,
    KeyNotFound,
    ProviderNotFound,
)
from sidecar.providers.scripted import ScriptedProvider
from sidecar.records.database import Database
from sidecar.settings import Config, ProviderSettings
from sidecar.values import AIMessage, AIRequest
from tests.keys.keepers import custody

pytestmark = pytest.mark.anyio


def manager(tmp_path: Path, **rows: ProviderSettings) -> AIManager:
    (tmp_path / "hello.jsonl").write_text('{"content":"hi"}', encoding="utf-8")
    directory = Directory(Config(providers=rows), scripted=True)
    here: dict[str, LocalProvider] = {"scripted": ScriptedProvider(tmp_path)}
    keys = custody(Database(tmp_path / "home"))
    return AIManager(directory, keys, here, Remote(keys, Network()))


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

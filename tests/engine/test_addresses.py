"""Addresses that the environment gives."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sidecar.engine.addresses import from_environment
from sidecar.engine.directory import Directory, Overrides
from sidecar.settings import Config, ProviderSettings
from tests.conftest import Start
from tests.providers.sidecars import LIMIT_S, configure

OLLAMA = "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", None),
        ("  ", None),
        ("127.0.0.1", OLLAMA),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost:11434"),
        ("0.0.0.0", OLLAMA),  # noqa: S104 - asked, not listened at
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("https://ollama.example", "https://ollama.example"),
        ("https://ollama.example:8443/x", "https://ollama.example:8443/x"),
        ("ollama.example/x", "http://ollama.example:11434/x"),
        # What no address may have stays in, so that it is refused.
        ("http://me:secret@ollama.example", "http://me:secret@ollama.example"),
        ("http://ollama.example?a=b", "http://ollama.example?a=b"),
        ("http://a:99999", "http://a:99999"),
    ],
)
def test_what_ollamas_variable_leaves_out_is_the_usual(
    given: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", given)
    assert from_environment("OLLAMA_HOST", OLLAMA) == expected


def test_a_variable_that_is_not_set_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert from_environment("OLLAMA_HOST", OLLAMA) is None


def directory(**rows: ProviderSettings) -> Directory:
    return Directory(Config(providers=rows), scripted=False)


def test_the_environment_goes_before_the_catalogue_and_the_file_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ":1")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com/")
    made = directory(ollama=ProviderSettings(model="m"))
    assert (made.row("ollama").base_url, made.row("ollama").model) == ("http://127.0.0.1:1", "m")
    azure = made.row("azure")
    assert azure.base_url == "https://name.openai.azure.com"
    assert azure.key_origins == {"https://name.openai.azure.com:443"}
    made.overrides["azure"] = Overrides(base_url="https://other.example")
    assert "https://other.example:443" not in made.row("azure").key_origins
    made = directory(ollama=ProviderSettings(base_url="http://127.0.0.1:2"))
    assert made.row("ollama").base_url == "http://127.0.0.1:2"
    assert made.environment_problems == made.problems == []


@pytest.mark.parametrize("host", ["192.168.1.5:11434", "http://me:secret@127.0.0.1", "http://a:0"])
def test_an_address_that_is_not_safe_is_told_and_not_used(start: Start, host: str) -> None:
    peer = start(OLLAMA_HOST=host)
    problems = peer.call("initialize", {}, LIMIT_S)["result"]["problems"]
    [problem] = [each for each in problems if "OLLAMA_HOST" in each]
    assert "config.toml" not in problem
    assert "secret" not in problem
    listed = peer.call("list_ai_providers", {}, LIMIT_S)["result"]["providers"]
    [ollama] = [each for each in listed if each["name"] == "ollama"]
    assert not ollama["available"]
    assert "base_url" not in ollama


def test_api_version_and_auth_are_settings_of_a_row() -> None:
    given = ProviderSettings(api_version="2024-10-21", auth="bearer")
    made = directory(azure=given)
    row = made.row("azure")
    assert (row.api_version, row.vendor.auth) == ("2024-10-21", "bearer")
    made.overrides["azure"] = Overrides(api_version="2025-01-01")
    assert made.row("azure").api_version == "2025-01-01"
    assert directory().row("azure").vendor.auth == "api-key"


@pytest.mark.parametrize("version", ["", "a b", "2024&x=1", "../x", "x" * 51])
def test_an_api_version_is_a_word(start: Start, version: str) -> None:
    params = {"provider": "azure", "api_version": version}
    answer = start().call("configure_provider", params, LIMIT_S)
    assert answer["error"]["data"]["path"] == "$.api_version"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"api_version": version}, ProviderSettings)


def test_an_auth_style_that_there_is_none_of_is_told(start: Start, tmp_path: Path) -> None:
    configure(tmp_path / "home", azure={"auth": "basic"})
    problems = start().call("initialize", {}, LIMIT_S)["result"]["problems"]
    assert any("providers.azure.auth" in each for each in problems)

"""What is known of models: whom it is found for, and for whom not, and what it is added to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sidecar.errors import ComponentMissing
from sidecar.providers import known_models
from sidecar.providers.known_models import completed
from sidecar.values import ModelInfo, ModelPrices

OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
FIREWORKS = "https://api.fireworks.ai/inference/v1"

A_FILE = {
    "date": "2026-06-30",
    "sources": {},
    "hosts": {
        "api.openai.com": {
            "models": {
                "a": {
                    "kind": "chat",
                    "context": 1000,
                    "max_output": 500,
                    "deprecated": "2027-01-01",
                },
                "a-2026-01-01": {"kind": "chat", "context": 1000, "max_output": 500},
                "b": {"prices": {"input": 1.0}},
                "b-2026-01-01": {"prices": {"input": 2.0}},
                "lonely": {"tools": False},
                "ft:a-2026-01-01": {"prices": {"input": 7.0}},
            },
            "alike": {"a-2026-02-02": "a-2026-01-01"},
        },
        "api.anthropic.com": {
            "models": {"c": {"reasoning": True}, "models/d": {"tools": True}},
            "alike": {},
        },
        "generativelanguage.googleapis.com": {
            "models": {"g": {"context": 5}},
            "alike": {"h": "g"},
        },
        "api.fireworks.ai": {"models": {"f": {"context": 6}}, "alike": {}},
    },
}


@pytest.fixture
def filed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small file in the place of the real one."""
    path = tmp_path / "known_models.json"
    path.write_text(json.dumps(A_FILE), encoding="utf-8")
    monkeypatch.setattr(known_models, "FILE", path)
    known_models._served.cache_clear()
    yield path
    known_models._served.cache_clear()


def told(model: str, base_url: str | None, **said: object) -> ModelInfo:
    given = msgspec.structs.replace(ModelInfo(id=model, provider="p"), **said)
    [found] = completed([given], base_url)
    assert (found.id, found.provider) == (model, "p")
    return found


def is_known(model: str, base_url: str | None) -> bool:
    return told(model, base_url) != ModelInfo(id=model, provider="p")


# --- whom it is found for -------------------------------------------------------------------------


@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("a", OPENAI),
        ("a-2026-02-02", OPENAI),
        ("a-2026-03-03", OPENAI),  # its snapshots are alike
        ("a-2026-06-30", OPENAI),
        ("lonely-2026-03-03", OPENAI),  # … and so are none
        ("ft:a-2026-01-01:org::id", OPENAI),
        ("ft:a-2026-01-01:org:name:id:ckpt-step-1", OPENAI),
        ("c-20260303", ANTHROPIC),
        ("g", GOOGLE),
        ("models/g", GOOGLE),
        ("models/h", GOOGLE),
        ("accounts/fireworks/models/f", FIREWORKS),
        ("g", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("g", "https://GenerativeLanguage.googleapis.com:443"),
    ],
)
def test_a_model_is_known_by_its_names(model: str, base_url: str) -> None:
    assert is_known(model, base_url)


@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("A", OPENAI),
        ("", OPENAI),
        ("a ", OPENAI),
        ("a-mini", OPENAI),
        ("a-latest", OPENAI),
        ("openai/a", OPENAI),
        ("models/a", OPENAI),
        ("b-2026-03-03", OPENAI),  # b's snapshots are not alike
        ("a-2026-07-01", OPENAI),  # made after the file
        ("a-2026-02-30", OPENAI),  # no day
        ("a-2026-3-3", OPENAI),
        ("a-20260303", OPENAI),  # the other one's way to write it
        ("c-2026-03-03", ANTHROPIC),
        ("c-20260231", ANTHROPIC),
        ("c-\uff12\uff10\uff12\uff16\uff10\uff13\uff10\uff13", ANTHROPIC),
        ("a-2026-03-03-2026-03-03", OPENAI),
        ("-2026-03-03", OPENAI),
        ("ft:lonely:org::id", OPENAI),
        ("ft:", OPENAI),
        ("ft:a:org::id", OPENAI),  # a tuning costs more than what was tuned
        ("g-20260303", GOOGLE),  # Google marks none so
        ("models/models/g", GOOGLE),
        ("tunedModels/g", GOOGLE),
        ("accounts/somebody/models/f", FIREWORKS),
        ("models/c", ANTHROPIC),
        ("a", ANTHROPIC),
        ("a", "https://eu.api.openai.com/v1"),
        ("a", "https://api.openai.com.example.org/v1"),
        ("a", "https://example.org/api.openai.com"),
        ("a", "http://127.0.0.1:8080/v1"),
        ("a", None),
    ],
)
def test_a_doubtful_match_gives_nothing(model: str, base_url: str | None) -> None:
    assert not is_known(model, base_url)


@pytest.mark.usefixtures("filed")
def test_of_a_snapshot_that_is_not_filed_nobody_knows_when_it_goes() -> None:
    assert told("a", OPENAI).deprecation_date == "2027-01-01"
    assert told("a-2026-03-03", OPENAI).context_window == 1000
    assert told("a-2026-03-03", OPENAI).deprecation_date is None


# --- merging --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("filed")
def test_what_the_provider_says_counts_and_gaps_are_filled() -> None:
    found = told("a", OPENAI, context_window=900, owned_by="them", capabilities=["theirs"])
    assert (found.context_window, found.max_output_tokens, found.kind) == (900, 500, "chat")
    assert (found.owned_by, found.capabilities) == ("them", ["theirs"])


@pytest.mark.usefixtures("filed")
def test_a_provider_that_says_no_is_believed() -> None:
    assert told("lonely", OPENAI).tools is False
    assert told("lonely", OPENAI, tools=True).tools is True
    assert told("c", ANTHROPIC, reasoning=False).reasoning is False
    assert told("a", OPENAI, input_modalities=[]).input_modalities == []


@pytest.mark.usefixtures("filed")
def test_prices_are_the_providers_as_a_whole_or_those_of_the_files_day() -> None:
    assert told("b", OPENAI).prices == ModelPrices(currency="USD", input=1.0, as_of="2026-06-30")
    live = ModelPrices(currency="EUR", output=3.0)
    assert told("b", OPENAI, prices=live).prices == live


@pytest.mark.usefixtures("filed")
def test_an_answer_is_not_longer_than_what_the_provider_runs_the_model_with() -> None:
    found = told("a", OPENAI, context_window=400)
    assert (found.context_window, found.max_output_tokens) == (400, None)


@pytest.mark.usefixtures("filed")
def test_models_stay_in_their_order_and_those_that_nobody_knows_are_as_they_were() -> None:
    models = [ModelInfo(id=name, provider="p") for name in ("x", "a", "x", "b")]
    found = completed(models, OPENAI)
    assert [each.id for each in found] == ["x", "a", "x", "b"]
    assert found[0] == models[0]
    assert completed([], OPENAI) == []
    assert completed(models, "https://example.org") == models


def test_the_file_is_read_once_for_each_host(filed: Path) -> None:
    assert is_known("a", OPENAI)
    filed.unlink()
    assert is_known("b", OPENAI)


@pytest.mark.parametrize("data", [None, b"", b"{}", b'{"date":"2026-06-30","hosts":7}'])
def test_an_installation_without_the_file_says_what_to_do(filed: Path, data: bytes | None) -> None:
    filed.unlink()
    if data is not None:
        filed.write_bytes(data)
    with pytest.raises(ComponentMissing) as missing:
        told("a", OPENAI)
    assert "again" in missing.value.hint

"""`scripts/update_catalog --check`, the file's text, and what can't be true in it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.update_catalog import cli, layout, sanity, sources
from scripts.update_catalog.limits import Rows
from sidecar.providers import known_models
from sidecar.providers.known_models import KnownFile, KnownHost, KnownModel, KnownPrices
from sidecar.values import PriceTier

TODAY = date(2026, 6, 30)


def file(alike: dict[str, str] | None = None, **fields: object) -> KnownFile:
    models = {"a": msgspec.structs.replace(KnownModel(), **fields)}
    hosts = {"api.example.com": KnownHost(models=models, alike=alike or {})}
    return KnownFile(date="2026-06-30", sources={"one": "1"}, hosts=hosts)


def test_the_text_has_a_line_for_each_model_and_is_read_back() -> None:
    known = file(context_window=5, prices=KnownPrices(input=1.5))
    assert layout.text(known) == (
        '{"date":"2026-06-30","sources":{"one":"1"},"hosts":{\n'
        '"api.example.com":{"models":{\n'
        '"a":{"context":5,"prices":{"input":1.5}}\n'
        '},"alike":{\n'
        "}}\n"
        "}}\n"
    )
    assert layout.read(layout.text(known).encode()) == known
    two = {"x": known.hosts["api.example.com"], "y": KnownHost(models={}, alike={"b": "a"})}
    more = msgspec.structs.replace(known, hosts=two)
    assert layout.read(layout.text(more).encode()) == more


@pytest.mark.parametrize("odd", [{"more": 1}, {"context": "5"}, {"kind": "image"}, {"prices": {}}])
def test_a_file_with_anything_else_in_it_is_refused(odd: dict[str, Any]) -> None:
    text = {
        "date": "2026-06-30",
        "sources": {},
        "hosts": {"x": {"models": {"a": odd}, "alike": {}}},
    }
    with pytest.raises(msgspec.DecodeError):
        layout.read(json.dumps(text).encode())


def test_what_may_be_true_has_no_fault() -> None:
    tiers = [PriceTier(above_tokens=1, input=2.0), PriceTier(above_tokens=3, output=4.0)]
    prices = KnownPrices(input=1, output=0, cache_read=0.1, cache_write=1.25, tiers=tiers)
    fine = file(
        {"b": "a"}, context_window=5, max_output_tokens=5, input_modalities=["text"], prices=prices
    )
    assert list(sanity.faults(fine, TODAY)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"context_window": 0},
        {"context_window": -1},
        {"context_window": 10**9},
        {"max_output_tokens": 10**9},
        {"context_window": 5, "max_output_tokens": 6},
        {"input_modalities": []},
        {"output_modalities": ["smell"]},
        {"deprecation_date": "soon"},
        {"prices": KnownPrices(input=-1)},
        {"prices": KnownPrices(input=1001)},
        {"prices": KnownPrices(input=float("nan"))},
        {"prices": KnownPrices(input=1, output=float("inf"))},
        {"prices": KnownPrices(input=1, cache_read=2)},
        {"prices": KnownPrices(input=2, cache_write=1)},
        {"prices": KnownPrices(input=1, tiers=[PriceTier(above_tokens=0)])},
        {"prices": KnownPrices(input=1, tiers=[PriceTier(above_tokens=1, output=-1)])},
        {"prices": KnownPrices(input=1, tiers=[PriceTier(above_tokens=1)] * 2)},
        {"alike": {"b": "c"}},
        {"alike": {"a": "a"}},
    ],
)
def test_what_cannot_be_true_is_a_fault(fields: dict[str, Any]) -> None:
    found = list(sanity.faults(file(**fields), TODAY))
    assert found
    assert all(fault.startswith("api.example.com, ") for fault in found)


def test_a_host_without_models_and_a_day_to_come_are_faults() -> None:
    empty = KnownFile(date="2026-07-01", sources={}, hosts={"x": KnownHost(models={}, alike={})})
    assert list(sanity.faults(empty, TODAY)) == [
        "date: 2026-07-01 is not yet",
        "x: there is no model",
    ]


def test_a_change_is_told_by_model_however_it_is_filed() -> None:
    old = file({"b": "a"}, tools=True)
    new = file({"c": "a"}, tools=True)
    assert list(layout.changes(old, old)) == []
    assert list(layout.changes(old, new)) == [
        'api.example.com b: {"tools":true} → gone',
        'api.example.com c: not there → {"tools":true}',
    ]
    gone = msgspec.structs.replace(old, hosts={})
    assert len(list(layout.changes(old, gone))) == 2


# --- the command ----------------------------------------------------------------------------------


def unreachable() -> Rows:
    message = "no network"
    raise sources.Unreachable(message)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "litellm_rows", unreachable)


@pytest.mark.usefixtures("offline")
def test_the_projects_own_file_passes_without_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--check"]) == 0
    shown = capsys.readouterr()
    assert "no faults" in shown.out
    assert "no network" in shown.out
    assert shown.err == ""


@pytest.mark.usefixtures("offline")
def test_a_check_fails_for_a_file_that_is_not_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "known_models.json"
    monkeypatch.setattr(cli, "FILE", path)
    assert cli.main(["--check"]) == 1
    path.write_text("{}", encoding="utf-8")
    assert cli.main(["--check"]) == 1
    text = known_models.FILE.read_text(encoding="utf-8")
    path.write_text(text.replace("\n", "", 1), encoding="utf-8")
    assert cli.main(["--check"]) == 1
    assert "by hand" in capsys.readouterr().err


def test_a_check_with_a_network_tells_what_would_change_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = known_models.FILE.read_bytes()
    row = {"litellm_provider": "groq", "mode": "chat", "max_input_tokens": 7}
    monkeypatch.setattr(sources, "litellm_rows", lambda: {"groq/new": row})
    assert cli.main(["--check"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert 'api.groq.com new: not there → {"kind":"chat","context":7}' in shown
    assert shown[-1].endswith("would change")
    assert known_models.FILE.read_bytes() == before


def test_a_file_is_written_only_if_it_can_be_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "known_models.json"
    monkeypatch.setattr(cli, "FILE", path)
    row = {"litellm_provider": "groq", "mode": "chat", "max_input_tokens": 7}
    monkeypatch.setattr(sources, "litellm_rows", lambda: {"groq/new": row})
    assert cli.main([]) == 0
    assert layout.read(path.read_bytes()).hosts["api.groq.com"].models["new"].context_window == 7
    path.unlink()
    mad = row | {"input_cost_per_token": 1.0}
    monkeypatch.setattr(sources, "litellm_rows", lambda: {"groq/new": mad})
    assert cli.main([]) == 1
    assert "input costs" in capsys.readouterr().err
    assert not path.exists()

"""The file of known models as it is: dated, sane, and found again under every name in it."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.update_catalog import layout, sanity
from scripts.update_catalog.hosts import HOSTS, Host
from sidecar.providers import known_models
from sidecar.providers.catalog import VENDORS
from sidecar.providers.known_models import KnownFile, completed
from sidecar.values import ModelInfo
from tests.conftest import ROOT
from tests.providers.formats.test_recorded import exchanges, some

OPENAI = "https://api.openai.com/v1"
# Hosts without a price list of their own: whose models are the user's, or cost nothing.


def told(model: str, base_url: str | None) -> ModelInfo:
    [found] = completed([ModelInfo(id=model, provider="p")], base_url)
    return found


def is_known(model: str, base_url: str | None) -> bool:
    return told(model, base_url) != ModelInfo(id=model, provider="p")


@cache
def real() -> KnownFile:
    return layout.read(known_models.FILE.read_bytes())


def names(host: str) -> set[str]:
    return {*real().hosts[host].models, *real().hosts[host].alike}


def test_the_file_is_dated_sane_and_small() -> None:
    today = datetime.now(tz=UTC).date() + timedelta(days=1)  # somebody's day has begun already
    assert list(sanity.faults(real(), today)) == []
    assert date.fromisoformat(real().date) >= date(2026, 11, 21)
    assert known_models.FILE.stat().st_size < sanity.MOST_BYTES


def test_the_file_is_as_it_is_written_and_of_what_is_pinned() -> None:
    assert layout.text(real()) == known_models.FILE.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [
        *project["project"]["optional-dependencies"]["dev"],
        *project["dependency-groups"]["catalog"],
    ]
    assert {f"{name}=={version}" for name, version in real().sources.items()} <= set(pins)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_every_host_with_a_public_price_list_has_models_with_prices(host: Host) -> None:
    known = real().hosts[host.name].models.values()
    priced = [model for model in known if model.prices]
    assert len(priced) >= 5
    assert any(model.context_window for model in priced)


def test_every_host_of_the_file_is_one_that_a_row_leads_to() -> None:
    asked = {urlsplit(vendor.base_url or "").hostname for vendor in VENDORS}
    assert {host.name for host in HOSTS} == set(real().hosts) <= asked


def test_the_models_that_a_row_names_are_known() -> None:
    for vendor in VENDORS:
        for model in vendor.models:
            found = told(model, vendor.base_url)
            assert found.context_window
            assert found.prices


def test_no_name_is_filed_that_a_reader_would_never_look_up() -> None:
    for host, prefix in known_models._PREFIXES.items():
        assert not [name for name in names(host) if name.startswith(prefix)]


def test_the_hosts_of_the_file_are_those_it_is_made_for() -> None:
    assert list(real().hosts) == [host.name for host in HOSTS]


@pytest.mark.parametrize("host", [host.name for host in HOSTS])
def test_every_filed_name_finds_its_own_row(host: str) -> None:
    raw = json.loads(known_models.FILE.read_bytes())["hosts"][host]
    for name in names(host):
        row = raw["models"].get(name) or raw["models"][raw["alike"][name]]
        found = told(name, f"https://{host}/v1")
        assert found.context_window == row.get("context")
        assert found.tools == row.get("tools")
        assert (found.prices.input if found.prices else None) == row.get("prices", {}).get("input")
        assert found.prices is None or found.prices.as_of == real().date
        msgspec.json.encode(found)


def might_be(host: str, model: str) -> set[str]:
    """Every name that a model may be known by, put down without the reader's rules."""
    cuts = {"generativelanguage.googleapis.com": 7, "api.fireworks.ai": 26}
    found = {model, model[cuts.get(host, 0) :]}
    if host == "api.openai.com":
        found |= {model[:-11], ":".join(model.split(":")[:2])}
    if host == "api.anthropic.com":
        found |= {model[:-9]}
    return found


HOSTED = st.sampled_from([host.name for host in HOSTS])
PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            "-mini",
            "-latest",
            ":free",
            "models/",
            "ft:",
            "-2024-05-13",
            "-20240513",
            "openai/",
            "-0125",
        ]
    ),
)


@given(host=HOSTED, data=st.data())
def test_no_name_that_is_made_up_finds_a_row(host: str, data: st.DataObject) -> None:
    known = data.draw(st.sampled_from(sorted(names(host))))
    cut = data.draw(st.integers(0, len(known)))
    model = data.draw(PIECES) + known[:cut] + data.draw(PIECES) + known[cut:] + data.draw(PIECES)
    if is_known(model, f"https://{host}/v1"):
        assert names(host) & might_be(host, model)


@given(model=st.text(), base_url=st.sampled_from([f"https://{host.name}" for host in HOSTS]))
def test_whatever_a_model_is_called_it_is_looked_up_without_fault(
    model: str, base_url: str
) -> None:
    told(model, base_url)


def test_the_price_of_a_snapshot_is_its_own() -> None:
    newer, first = told("gpt-4o", OPENAI).prices, told("gpt-4o-2024-05-13", OPENAI).prices
    assert newer
    assert first
    assert newer.input != first.input
    assert not is_known("gpt-4o-2025-01-01", OPENAI)  # like which of the two?


# --- real traffic ---------------------------------------------------------------------------------

RECORDED = {
    "anthropic": "https://api.anthropic.com",
    "deepseek": "https://api.deepseek.com",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "openai": OPENAI,
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
}
IN_USE = {
    "anthropic": "claude-haiku-4-5 claude-opus-4-7 claude-opus-4-8 claude-sonnet-4-6",
    "deepseek": "deepseek-v4-flash",
    "groq": "llama-3.3-70b-versatile openai/gpt-oss-20b",
    "mistral": "ministral-3b-latest mistral-embed mistral-small-latest",
    "openai": "gpt-3.5-turbo gpt-4.1-mini gpt-4.1-nano gpt-4o gpt-4o-mini gpt-5-nano gpt-5.2 "
    "gpt-5.6 gpt-5.6-sol o4-mini",
    "openrouter": "anthropic/claude-haiku-4.5 google/gemini-2.5-flash openai/gpt-4.1-mini "
    "openai/gpt-4o openai/gpt-4o-mini openai/o4-mini",
    "perplexity": "sonar",
}
"""Models that are asked by many, recorded requests among them."""


@pytest.mark.parametrize("vendor", IN_USE)
def test_models_in_use_have_prices(vendor: str) -> None:
    for model in IN_USE[vendor].split():
        assert told(model, RECORDED[vendor]).prices, model


def test_models_of_recorded_requests_that_never_were_are_not_known(recorded: Path) -> None:
    sent = [each for each in exchanges(recorded, "") if each.vendor in RECORDED and each.request]
    asked = [(each.vendor, json.loads(each.request).get("model", "")) for each in sent]
    never = [each for each in asked if "nonexistent" in each[1] or "no-such" in each[1]]
    for vendor, model in some(never):
        assert not is_known(model, RECORDED[vendor])

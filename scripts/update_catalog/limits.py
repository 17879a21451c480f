"""Reads litellm's list of models: limits, modalities, abilities, and prices to compare.

Its rows are JSON objects by name; `sample_spec`, the first, says what stands in them. What it does
not say is not known: a missing `supports_…` is no "no".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from scripts.update_catalog.hosts import Host
from sidecar.providers.known_models import KnownModel, KnownPrices
from sidecar.values import PriceTier

KINDS = {"chat": "chat", "responses": "chat", "completion": "chat", "embedding": "embedding"}
_MILLION = 1_000_000
_COSTS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}
_STRUCTURED = ("supports_response_schema", "supports_native_structured_output")
_MODALITIES = ("text", "image", "audio", "video")
_INPUTS = {
    "image": "supports_vision",
    "audio": "supports_audio_input",
    "video": "supports_video_input",
    "file": "supports_pdf_input",
}

Rows = Mapping[str, Mapping[str, Any]]


def read(rows: Rows, host: Host) -> tuple[dict[str, KnownModel], set[str]]:
    """Return a host's models for chat and embeddings, and the ids of its other ones."""
    models: dict[str, KnownModel] = {}
    others: set[str] = set()
    whole: set[str] = set()
    for name, row in rows.items():
        if row.get("litellm_provider") not in host.limits or not name.startswith(host.prefix):
            continue
        given = name.removeprefix(host.prefix)
        model = given.removeprefix(host.cut)
        if model in whole:
            continue  # what stands under the whole name counts
        if given != model:
            whole.add(model)
        if row.get("mode") in KINDS:
            models[model] = _model(row)
        else:
            others.add(model)
    return models, others - set(models)


def _model(row: Mapping[str, Any]) -> KnownModel:
    embeds = KINDS[row["mode"]] == "embedding"
    described = any(name.startswith("support") for name in row)
    return KnownModel(
        kind="embedding" if embeds else "chat",
        context_window=_count(row.get("max_input_tokens")),
        max_output_tokens=None if embeds else _count(row.get("max_output_tokens")),
        input_modalities=_inputs(row) if described or embeds else None,
        output_modalities=["embedding"] if embeds else _outputs(row) if described else None,
        tools=_can(row, "supports_function_calling"),
        structured_output=_can(row, *_STRUCTURED),
        reasoning=_can(row, "supports_reasoning"),
        prices=_prices(row, embeds=embeds),
        deprecation_date=_day(row.get("deprecation_date")),
    )


def _inputs(row: Mapping[str, Any]) -> list[str]:
    found = {"text", *row.get("supported_modalities", ())}
    found |= {name for name, ability in _INPUTS.items() if row.get(ability)}
    return [name for name in (*_MODALITIES, "file") if name in found]


def _outputs(row: Mapping[str, Any]) -> list[str]:
    found = set(row.get("supported_output_modalities", ())) or {"text"}
    found |= {"audio"} if row.get("supports_audio_output") else set()
    return [name for name in _MODALITIES if name in found]


def _can(row: Mapping[str, Any], *abilities: str) -> bool | None:
    said = [row[ability] for ability in abilities if isinstance(row.get(ability), bool)]
    return any(said) if said else None


def _count(given: object) -> int | None:
    return int(given) if isinstance(given, int | float) and given > 0 else None


def _day(given: object) -> str | None:
    try:
        return date.fromisoformat(str(given)).isoformat()
    except ValueError:
        return None


def _prices(row: Mapping[str, Any], *, embeds: bool) -> KnownPrices | None:
    costs = {name: _cost(row.get(cost)) for name, cost in _COSTS.items()}
    if embeds:
        costs["output"] = None
    if not costs["input"]:
        return None  # nought is what it has for "not known", too
    return KnownPrices(
        input=costs["input"],
        output=costs["output"],
        cache_read=costs["cache_read"] or None,
        cache_write=costs["cache_write"] or None,
        tiers=_tiers(row),
    )


def _tiers(row: Mapping[str, Any]) -> list[PriceTier] | None:
    starts: dict[int, dict[str, float | None]] = {}
    for price, cost in _COSTS.items():
        for name in row:
            if found := re.fullmatch(rf"{cost}_above_(\d+)k_tokens", name):
                starts.setdefault(int(found[1]) * 1000, {})[price] = _cost(row[name])
    return [PriceTier(above_tokens=start, **starts[start]) for start in sorted(starts)] or None


def _cost(given: object) -> float | None:
    return round(float(given) * _MILLION, 6) if isinstance(given, int | float) else None

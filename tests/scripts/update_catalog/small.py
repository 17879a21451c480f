"""Small sources of our own, and the catalogue that is made of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from genai_prices.types import ClauseEquals, ConditionalPrice, MatchLogic, ModelInfo, ModelPrice

from scripts.update_catalog.cli import made
from scripts.update_catalog.hosts import Host
from sidecar.providers.known_models import KnownFile, KnownModel, KnownPrices

DAY = date(2026, 6, 30)
HOST = Host("api.example.com", "them", ("them",), "them/", "whole/")


def row(**more: object) -> dict[str, Any]:
    """A row of the list of limits."""
    return {"litellm_provider": "them", "mode": "chat", "max_input_tokens": 1000, **more}


def cost(**usd: float) -> dict[str, float]:
    """What a million tokens cost, as a row says it: by the token."""
    names = {
        "input": "input_cost_per_token",
        "output": "output_cost_per_token",
        "cache_read": "cache_read_input_token_cost",
        "cache_write": "cache_creation_input_token_cost",
    }
    return {
        f"{names[name.partition('_above')[0]]}{''.join(name.partition('_above')[1:])}": price / 1e6
        for name, price in usd.items()
    }


def priced(
    name: str,
    match: MatchLogic | None = None,
    prices: ModelPrice | list[ConditionalPrice] | None = None,
    context_window: int | None = None,
) -> ModelInfo:
    return ModelInfo(
        id=name,
        match=match or ClauseEquals(equals=name),
        context_window=context_window,
        prices=prices or ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2)),
    )


def make(rows: dict[str, Any], models: list[ModelInfo], told: list[str] | None = None) -> KnownFile:
    return made([HOST], rows, {"them": models}, DAY, [] if told is None else told)


def known(name: str, rows: dict[str, Any], models: list[ModelInfo]) -> KnownModel | None:
    host = make(rows, models).hosts[HOST.name]
    return host.models.get(host.alike.get(name, name))


def prices_of(name: str, rows: dict[str, Any], models: list[ModelInfo]) -> KnownPrices | None:
    found = known(name, rows, models)
    return found.prices if found else None

"""Reads genai-prices: what a million tokens cost, and the names that mean the same model.

Its rules match names by their beginnings, too. Those are of no use here: only a name that a rule
spells out whole is one that somebody has looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from genai_prices import types

from sidecar.providers.known_models import KnownPrices
from sidecar.values import PriceTier

_UNITS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}
_TEXT = {*_UNITS.values(), "cache_write_1h_mtok", "web_searches_kcount", "storage_searches_kcount"}
Price = Decimal | types.TieredPrices | None


@dataclass(frozen=True)
class Priced:
    """One model. `text_alone`: no other medium has a price of its own."""

    prices: KnownPrices | None
    context_window: int | None
    text_alone: bool


def read(models: Iterable[types.ModelInfo], day: date, cut: str = "") -> dict[str, Priced]:
    """Return what a provider's models cost on a day, by each of their names, less `cut` before."""
    found: dict[str, Priced] = {}
    for model in models:
        prices = _dearest(model, day)
        units = {name for name, price in vars(prices).items() if price is not None}
        for name in _names(model):
            # a rule gathers what costs the same, and is no word on anything else
            window = model.context_window if name.lower() == model.id.lower() else None
            found[name.removeprefix(cut)] = Priced(_known(prices), window or None, units <= _TEXT)
    return found


def _names(model: types.ModelInfo) -> Iterator[str]:
    yield from _spelled(model.match)
    # rules are in small letters, ids as the provider writes them; some ids are beginnings of names
    if model.is_match(model.id) and not model.id.endswith("-"):
        yield model.id


def _spelled(rule: object) -> Iterator[str]:
    if isinstance(rule, types.ClauseEquals):
        yield rule.equals
    elif isinstance(rule, types.ClauseOr):
        for each in rule.or_:
            yield from _spelled(each)


def _dearest(model: types.ModelInfo, day: date) -> types.ModelPrice:
    """The prices of a day; of the hour in which they are highest."""
    hours = (datetime.combine(day, time(hour), tzinfo=UTC) for hour in range(24))
    return max((model.get_prices(hour) for hour in hours), key=lambda each: _base(each.input_mtok))


def _known(prices: types.ModelPrice) -> KnownPrices | None:
    each: dict[str, Price] = {name: getattr(prices, unit) for name, unit in _UNITS.items()}
    if each["input"] is None:
        return None
    starts = sorted(
        {
            tier.start
            for price in each.values()
            if isinstance(price, types.TieredPrices)
            for tier in price.tiers
        }
    )
    tiers = [
        PriceTier(above_tokens=start, **{name: _at(price, start) for name, price in each.items()})
        for start in starts
    ]
    bases = {name: None if price is None else _base(price) for name, price in each.items()}
    return KnownPrices(**bases, tiers=tiers or None)  # type: ignore[arg-type]


def _base(price: Price) -> float:
    base = price.base if isinstance(price, types.TieredPrices) else price
    return round(float(base or 0), 6)


def _at(price: Price, start: int) -> float | None:
    """What a tier changes a price to, if it does."""
    if not isinstance(price, types.TieredPrices):
        return None
    found = [tier.price for tier in price.tiers if tier.start == start]
    return round(float(found[0]), 6) if found else None

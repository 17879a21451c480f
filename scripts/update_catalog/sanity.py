"""What can't be true in the file, whoever said it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sidecar.providers.known_models import KnownFile, KnownHost, KnownModel, KnownPrices
from sidecar.values import PriceTier

MOST_USD = 1000
"""For a million tokens: the dearest models cost more than half of it."""
MOST_TOKENS = 20_000_000
MOST_BYTES = 300_000
MODALITIES = {"text", "image", "audio", "video", "file", "embedding"}


def faults(file: KnownFile, today: date) -> Iterator[str]:
    """Yield what is wrong with the file, with its place."""
    if date.fromisoformat(file.date) > today:
        yield f"date: {file.date} is not yet"
    for host, known in file.hosts.items():
        if not known.models:
            yield f"{host}: there is no model"
        for fault in _of_host(known):
            yield f"{host}, {fault}"


def _of_host(host: KnownHost) -> Iterator[str]:
    for other, name in host.alike.items():
        if name not in host.models or other in host.models:
            yield f"{other}: said to be like {name}; that has no row, or this one has its own"
    for name, model in host.models.items():
        for fault in _of_model(model):
            yield f"{name}: {fault}"


def _of_model(model: KnownModel) -> Iterator[str]:
    for tokens in (model.context_window, model.max_output_tokens):
        if tokens is not None and not 0 < tokens <= MOST_TOKENS:
            yield f"{tokens} tokens"
    if (model.max_output_tokens or 0) > (model.context_window or MOST_TOKENS):
        yield "more goes out than can be in its context"
    for media in (model.input_modalities, model.output_modalities):
        if media is not None and (not media or not MODALITIES.issuperset(media)):
            yield f"the modalities {media}"
    if model.deprecation_date is not None:
        try:
            date.fromisoformat(model.deprecation_date)
        except ValueError:
            yield f"the date {model.deprecation_date}"
    if model.prices is not None:
        yield from _of_prices(model.prices)


def _of_prices(prices: KnownPrices) -> Iterator[str]:
    steps: list[KnownPrices | PriceTier] = [prices, *(prices.tiers or ())]
    for step in steps:
        for name in ("input", "output", "cache_read", "cache_write"):
            price = getattr(step, name)
            if price is not None and not 0 <= price <= MOST_USD:
                yield f"{name} costs {price}"
    if (prices.cache_read or 0) > prices.input:
        yield "what is cached costs more than what is not"
    if (prices.cache_write or prices.input) < prices.input:
        yield "what is to be cached costs less than what is not"
    starts = [tier.above_tokens for tier in prices.tiers or ()]
    if starts != sorted(set(starts)) or any(start <= 0 for start in starts):
        yield f"tiers above {starts}"

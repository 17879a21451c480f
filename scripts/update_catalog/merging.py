"""Makes one row of what both sources say of a model, and says where they differ.

Where they name different prices, one of them is wrong, and neither is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from scripts.update_catalog.prices import Priced
from sidecar.providers.known_models import KnownHost, KnownModel, KnownPrices


def merged(
    described: Mapping[str, KnownModel],
    others: set[str],
    priced: Mapping[str, Priced],
    told: list[str],
) -> KnownHost:
    """Return what is known of a host's models. Adds to `told` what people should know.

    `others` are ids of models for something else than chat and embeddings.
    """
    rows: dict[str, KnownModel] = {}
    small = {name.lower(): each for name, each in priced.items()}
    for name, model in described.items():
        found = priced.get(name) or small.get(name.lower())
        rows[name] = _joined(name, model, found, told)
    known = {name.lower() for name in (*described, *others)}
    for name, each in priced.items():
        # without litellm's word for what a model does, its prices have to tell that it writes text
        if name.lower() not in known and each.text_alone and each.prices and each.prices.output:
            rows[name] = KnownModel(context_window=each.context_window, prices=each.prices)
    kept = {name: row for name, model in rows.items() if (row := _sane(name, model, told))}
    return _folded(kept)


def _joined(name: str, model: KnownModel, found: Priced | None, told: list[str]) -> KnownModel:
    if found is None:
        return model
    prices = found.prices
    if prices is not None and model.kind == "embedding":
        prices = msgspec.structs.replace(prices, output=None)
    if model.prices is not None and prices is not None:
        differ = list(_different(model.prices, prices))
        if differ:
            told.append(f"{name}: prices left out, the sources differ: {'; '.join(differ)}")
            prices = None
        else:
            prices = _both(model.prices, prices)
    else:
        prices = prices or model.prices
    window = model.context_window or found.context_window
    return msgspec.structs.replace(model, prices=prices, context_window=window)


def _different(one: KnownPrices, two: KnownPrices) -> Iterator[str]:
    for name in ("input", "output"):
        prices = getattr(one, name), getattr(two, name)
        if None not in prices and prices[0] != prices[1]:
            yield f"{name} {prices[0]:g} and {prices[1]:g}"
    tiers = [
        # one says "above 200,000", the other "from 200,000": that is no difference
        [(round(tier.above_tokens, -3), tier.input, tier.output) for tier in each.tiers or ()]
        for each in (one, two)
    ]
    if all(tiers) and tiers[0] != tiers[1]:
        yield f"tiers {tiers[0]} and {tiers[1]}"


def _both(one: KnownPrices, two: KnownPrices) -> KnownPrices:
    """Of a cache's prices, which are said less often, those that nobody gainsays."""
    found: dict[str, float | None] = {}
    for name in ("cache_read", "cache_write"):
        said = {each for each in (getattr(one, name), getattr(two, name)) if each is not None}
        found[name] = said.pop() if len(said) == 1 else None
    output = one.output if two.output is None else two.output
    return KnownPrices(input=two.input, output=output, tiers=two.tiers or one.tiers, **found)


def _sane(name: str, model: KnownModel, told: list[str]) -> KnownModel | None:
    """What is left of a row that says something impossible; None where that is nothing."""
    window, most = model.context_window, model.max_output_tokens
    if window and most and most > window:
        told.append(f"{name}: max_output left out, {most} is more than the context of {window}")
        model = msgspec.structs.replace(model, max_output_tokens=None)
    if model.prices:
        prices = _sane_prices(name, model.prices, window, told)
        model = msgspec.structs.replace(model, prices=prices)
    empty = KnownModel(kind=model.kind, deprecation_date=model.deprecation_date)
    return None if model == empty else model


def _sane_prices(
    name: str, prices: KnownPrices, window: int | None, told: list[str]
) -> KnownPrices:
    changes: dict[str, object] = {}
    if (prices.cache_read or 0) > prices.input:
        told.append(f"{name}: cache_read left out, it is dearer than input")
        changes["cache_read"] = None
    if (prices.cache_write or prices.input) < prices.input:
        told.append(f"{name}: cache_write left out, it is cheaper than input")
        changes["cache_write"] = None
    # no prompt is so long
    reached = [tier for tier in prices.tiers or () if not window or tier.above_tokens < window]
    return msgspec.structs.replace(prices, **changes, tiers=reached or None)


def _folded(rows: Mapping[str, KnownModel]) -> KnownHost:
    """File each row once; the shortest of its names has it, the others point there."""
    models: dict[str, KnownModel] = {}
    alike: dict[str, str] = {}
    first: dict[bytes, str] = {}
    for name in sorted(rows, key=lambda name: (len(name), name)):
        same = first.setdefault(msgspec.json.encode(rows[name]), name)
        if same == name:
            models[name] = rows[name]
        else:
            alike[name] = same
    return KnownHost(models=dict(sorted(models.items())), alike=dict(sorted(alike.items())))

"""The catalogue's making: which price of which source is taken, and under which names."""

from __future__ import annotations

from datetime import UTC, date, time
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseContains,
    ClauseEquals,
    ClauseOr,
    ClauseStartsWith,
    ConditionalPrice,
    MatchLogic,
    ModelPrice,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from sidecar.providers.known_models import KnownModel, KnownPrices
from sidecar.values import PriceTier
from tests.scripts.update_catalog.small import HOST, cost, known, make, priced, prices_of, row


def test_prices_that_both_name_are_kept_and_completed() -> None:
    said = row(**cost(input=1, output=2, cache_read=0.1))
    prices = ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), cache_write_mtok=Decimal(3))
    found = prices_of("a", {"them/a": said}, [priced("a", prices=prices)])
    assert found == KnownPrices(input=1, output=2, cache_read=0.1, cache_write=3)


def test_where_the_sources_differ_no_price_is_kept_and_the_difference_is_told() -> None:
    told: list[str] = []
    found = make({"them/a": row(**cost(input=1, output=3))}, [priced("a")], told)
    assert found.hosts[HOST.name].models == {"a": KnownModel(kind="chat", context_window=1000)}
    assert told == ["api.example.com, a: prices left out, the sources differ: output 3 and 2"]


def test_of_a_caches_price_that_they_differ_about_only_that_is_left_out() -> None:
    said = row(**cost(input=1, output=2, cache_read=0.1))
    prices = ModelPrice(
        input_mtok=Decimal(1), output_mtok=Decimal(2), cache_read_mtok=Decimal("0.2")
    )
    assert prices_of("a", {"them/a": said}, [priced("a", prices=prices)]) == KnownPrices(
        input=1, output=2
    )


def test_a_price_that_one_alone_names_is_kept() -> None:
    assert prices_of("a", {"them/a": row(**cost(input=4, output=5))}, []) == KnownPrices(
        input=4, output=5
    )
    assert prices_of("a", {"them/a": row()}, [priced("a")]) == KnownPrices(input=1, output=2)
    assert prices_of("a", {}, [priced("a", context_window=9)]) == KnownPrices(input=1, output=2)


def test_nought_is_no_price() -> None:
    assert prices_of("a", {"them/a": row(**cost(input=0, output=0))}, []) is None


@pytest.mark.parametrize("rule", [ClauseStartsWith(starts_with="a"), ClauseContains(contains="a")])
def test_a_name_is_taken_only_where_a_rule_spells_it_out(rule: MatchLogic) -> None:
    models = [priced("a", ClauseOr(or_=[rule, ClauseEquals(equals="a-1")]))]
    host = make({"them/a-mini": row()}, models).hosts[HOST.name]
    assert {*host.models, *host.alike} == {"a", "a-1", "a-mini"}
    assert host.models["a-mini"].prices is None


def test_names_of_one_rule_cost_the_same_and_are_not_the_same() -> None:
    rule = ClauseOr(or_=[ClauseEquals(equals="a"), ClauseEquals(equals="a-long")])
    models = make({}, [priced("a", rule, context_window=9)]).hosts[HOST.name].models
    assert models["a"].context_window == 9
    assert models["a-long"] == KnownModel(prices=KnownPrices(input=1, output=2))


def test_an_id_that_is_the_beginning_of_names_is_none() -> None:
    models = [
        priced("a-", ClauseStartsWith(starts_with="a-")),
        priced("b", ClauseEquals(equals="c")),
    ]
    assert list(make({}, models).hosts[HOST.name].models) == ["c"]


def test_names_are_the_same_in_capitals() -> None:
    models = [priced("A/B", ClauseEquals(equals="a/b"))]
    host = make({"them/A/b": row()}, models).hosts[HOST.name]
    assert list(host.models) == ["A/b"]
    assert host.models["A/b"].prices


def test_what_has_prices_for_other_media_and_is_not_on_the_list_is_left_out() -> None:
    prices = ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), input_audio_mtok=Decimal(3))
    assert known("a", {}, [priced("a", prices=prices)]) is None
    assert known("a", {}, [priced("a", prices=ModelPrice(input_mtok=Decimal(1)))]) is None


def test_prices_are_those_of_the_day() -> None:
    def from_(day: date, usd: int) -> ConditionalPrice:
        prices = ModelPrice(input_mtok=Decimal(usd), output_mtok=Decimal(usd))
        return ConditionalPrice(StartDateConstraint(start_date=day), prices=prices)

    first = ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(9), output_mtok=Decimal(9)))
    steps = [first, from_(date(2026, 6, 30), 2), from_(date(2026, 7, 1), 3)]
    assert prices_of("a", {}, [priced("a", prices=steps)]) == KnownPrices(input=2, output=2)


def test_of_prices_by_the_hour_the_dearest_is_taken() -> None:
    hours = TimeOfDateConstraint(start_time=time(9, tzinfo=UTC), end_time=time(17, tzinfo=UTC))
    cheap = ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(1))
    dear = ModelPrice(input_mtok=Decimal(5), output_mtok=Decimal(6))
    steps = [ConditionalPrice(prices=cheap), ConditionalPrice(hours, prices=dear)]
    assert prices_of("a", {}, [priced("a", prices=steps)]) == KnownPrices(input=5, output=6)


def tiered(base: int, *tiers: tuple[int, int]) -> TieredPrices:
    return TieredPrices(
        base=Decimal(base), tiers=[Tier(start=start, price=Decimal(usd)) for start, usd in tiers]
    )


def test_tiers_of_both_are_read_and_those_that_no_prompt_reaches_left_out() -> None:
    said = row(
        max_input_tokens=1_000_000,
        **cost(input=1, output=2, input_above_200k_tokens=3, output_above_200k_tokens=4),
    )
    prices = ModelPrice(
        input_mtok=tiered(1, (200_000, 3), (1_000_000, 9)), output_mtok=tiered(2, (200_000, 4))
    )
    expected = KnownPrices(
        input=1, output=2, tiers=[PriceTier(above_tokens=200_000, input=3, output=4)]
    )
    assert prices_of("a", {"them/a": said}, []) == expected
    assert prices_of("a", {"them/a": row(max_input_tokens=1_000_000)}, [priced("a", prices=prices)])
    small = row(max_input_tokens=200_000)
    assert prices_of("a", {"them/a": small}, [priced("a", prices=prices)]) == KnownPrices(
        input=1, output=2
    )


def test_above_and_from_a_bound_on_are_the_same_tier_and_other_tiers_a_difference() -> None:
    said = row(max_input_tokens=1_000_000, **cost(input=1, output=2, input_above_200k_tokens=3))
    models = [
        priced(name, prices=ModelPrice(input_mtok=tiered(1, tier), output_mtok=Decimal(2)))
        for name, tier in {"a": (199_999, 3), "b": (128_000, 3), "c": (200_000, 4)}.items()
    ]
    rows = {f"them/{name}": said for name in "abc"}
    assert [bool(prices_of(name, rows, models)) for name in "abc"] == [True, False, False]

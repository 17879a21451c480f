"""What is odd about the use of keys, and when it is told."""

from __future__ import annotations

import pytest

from sidecar.keys.watch import (
    BURST_FACTOR,
    BURST_FLOOR,
    FAILURES,
    QUIET_MS,
    SecurityNotice,
    Watch,
)

HERE = "https://here.example:443"
THERE = "https://there.example:443"
NOW = 1_700_000_000_000
MINUTE = 60_000


def burst(watch: Watch, count: int, begin: int, provider: str = "openai") -> list[SecurityNotice]:
    """So many uses within half a minute."""
    return [
        notice
        for number in range(count)
        for notice in watch.used(provider, "default", HERE, begin + number * 30_000 // count)
    ]


def refusals(watch: Watch, *results: str, now: int = NOW) -> list[SecurityNotice]:
    told = (watch.answered("openai", "default", result, now) for result in results)
    return [notice for notice in told if notice]


def test_some_refusals_in_a_row_are_told_once() -> None:
    watch = Watch()
    assert refusals(watch, *["authentication"] * (FAILURES - 1)) == []
    [notice] = refusals(watch, "permission", "authentication", "authentication")
    assert notice.kind == "authentication_failures"
    assert (notice.provider, notice.key_id, notice.count) == ("openai", "default", FAILURES)
    assert notice.timestamp == NOW


def test_an_answer_in_between_begins_the_count_anew() -> None:
    watch = Watch()
    for _ in range(5):
        assert refusals(watch, "authentication", "authentication", "ok") == []


@pytest.mark.parametrize("result", ["network", "timeout", "cancelled", "rate_limited", "api_error"])
def test_other_failures_are_no_refusals_and_no_answers(result: str) -> None:
    watch = Watch()
    assert refusals(watch, *[result] * 10) == []
    assert refusals(watch, "authentication", result, "authentication", result) == []
    assert len(refusals(watch, "authentication")) == 1


def test_one_providers_refusals_are_not_anothers() -> None:
    watch = Watch()
    for provider in ("openai", "groq", "mistral"):
        assert watch.answered(provider, "default", "authentication", NOW) is None


def test_a_burst_is_told_with_its_count() -> None:
    watch = Watch()
    assert burst(watch, BURST_FLOOR, NOW) == []
    [notice] = burst(watch, 5, NOW + 30_000)
    assert (notice.kind, notice.provider, notice.count) == ("burst", "openai", BURST_FLOOR + 1)


def test_what_a_provider_is_used_to_is_no_burst() -> None:
    watch = Watch()
    watch.remember("openai", HERE, 100)
    assert burst(watch, 100 * BURST_FACTOR, NOW) == []
    assert len(burst(watch, 1, NOW + 30_000)) == 1
    assert len(burst(watch, BURST_FLOOR + 1, NOW, "groq")) == 1, "each provider has its own"


def test_the_busiest_minute_becomes_the_usual() -> None:
    watch = Watch()
    assert burst(watch, 50, NOW) == []
    assert burst(watch, 50 * BURST_FACTOR, NOW + 2 * MINUTE) == []


def test_a_new_origin_is_told_and_the_first_one_is_not_new() -> None:
    watch = Watch()
    assert watch.used("openai", "default", HERE, NOW) == []
    [notice] = watch.used("openai", "default", THERE, NOW)
    assert (notice.kind, notice.origin) == ("new_origin", THERE)
    for origin in (HERE, THERE):
        assert watch.used("openai", "default", origin, NOW + QUIET_MS) == []


def test_an_origin_of_an_earlier_run_is_not_new() -> None:
    watch = Watch()
    watch.remember("openai", HERE, 1)
    assert watch.used("openai", "default", HERE, NOW) == []
    assert len(watch.used("openai", "default", THERE, NOW)) == 1


def test_a_mismatch_is_told_once_however_many_origins_are_tried() -> None:
    watch = Watch()
    told = [
        watch.mismatched("openai", "default", f"https://{n}.example:443", NOW) for n in range(9)
    ]
    assert [notice.origin for notice in told if notice] == ["https://0.example:443"]
    assert watch.mismatched("groq", "default", THERE, NOW) is not None


def test_wrong_passwords_in_a_row_are_told() -> None:
    watch = Watch()
    for _ in range(FAILURES - 1):
        assert watch.unlocked(well=False, now=NOW) is None
    assert watch.unlocked(well=True, now=NOW) is None
    for _ in range(FAILURES - 1):
        assert watch.unlocked(well=False, now=NOW) is None
    notice = watch.unlocked(well=False, now=NOW)
    assert notice is not None
    assert (notice.kind, notice.count) == ("unlock_failures", FAILURES)


def test_the_same_is_told_again_only_after_a_while() -> None:
    watch = Watch()
    assert watch.audit_failed("the disk is full", NOW) is not None
    assert watch.audit_failed("the disk is full", NOW + QUIET_MS - 1) is None
    assert watch.audit_failed("the disk is full", NOW + QUIET_MS) is not None
    assert watch.audit_failed("the disk is full", NOW + QUIET_MS + 1) is None

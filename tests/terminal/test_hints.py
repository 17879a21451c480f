from __future__ import annotations

from sidecar.errors import NetworkError, Overloaded, RateLimited
from sidecar.terminal.hints import hint_of


def test_a_hint_is_shown_as_it_is() -> None:
    error = {"data": {"kind": "network", "hint": NetworkError.default_hint}}
    assert hint_of(error) == NetworkError.default_hint


def test_the_time_that_a_provider_asks_for_is_told_in_whole_seconds() -> None:
    error = {"data": {"hint": RateLimited.default_hint, "retry_after_ms": 1500}}
    assert hint_of(error) == "Wait a little and try again. The provider asks to wait 2 s."
    error = {"data": {"hint": Overloaded.default_hint, "retry_after_ms": 30_000}}
    assert hint_of(error) == f"{Overloaded.default_hint} The provider asks to wait 30 s."


def test_a_person_is_told_no_names_of_fields() -> None:
    error = {"data": {"hint": RateLimited.default_hint}}
    assert hint_of(error) == "Wait a little and try again."


def test_an_error_without_a_hint_has_none() -> None:
    assert hint_of({"code": 1, "message": "x"}) is None

from __future__ import annotations

import pytest

from sidecar.keys import environment

VARIABLES = ("ONE_API_KEY", "TWO_API_KEY")


@pytest.fixture(autouse=True)
def _none_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def found() -> str | None:
    secret = environment.find(VARIABLES)
    return secret.reveal() if secret else None


def test_the_first_that_is_set_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found() is None
    monkeypatch.setenv("TWO_API_KEY", "two")
    assert found() == "two"
    monkeypatch.setenv("ONE_API_KEY", "one")
    assert found() == "one"


def test_a_blank_one_is_not_set_and_white_space_around_one_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONE_API_KEY", " \n")
    monkeypatch.setenv("TWO_API_KEY", " two\n")
    assert found() == "two"


def test_it_does_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_API_KEY", "one")
    secret = environment.find(VARIABLES)
    assert "one" not in f"{secret} {secret!r} {[secret]}"

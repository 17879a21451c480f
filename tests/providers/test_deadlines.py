"""The watch over one request; test_client_stops.py has it at work on sockets."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import msgspec
import pytest

from sidecar.errors import Overloaded, ProviderTimeout
from sidecar.providers.deadlines import Watch
from sidecar.providers.vendor import Deadlines

pytestmark = pytest.mark.anyio

LONG = Deadlines(connect_ms=20_000, first_token_ms=20_000, idle_ms=20_000, total_ms=20_000)


def watch(**limits: int) -> Watch:
    return Watch(msgspec.structs.replace(LONG, **limits), "groq", "Groq")


def answered(watched: Watch) -> None:
    watched.heard()
    watched.began()


def held(watched: Watch) -> None:
    answered(watched)
    watched.held = True


async def wait(act: Callable[[Watch], object] = lambda _: None, **limits: int) -> None:
    """Do something, and then nothing more."""
    with watch(**limits) as watched:
        act(watched)
        await anyio.sleep_forever()


async def beat(**limits: int) -> None:
    """Hear heartbeats and no word."""
    with watch(**limits) as watched:
        while True:
            watched.heard()
            await anyio.lowlevel.checkpoint()


async def fail(error: Exception | None) -> None:
    """End at once, in one way or the other."""
    with watch():
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("limit", "act", "told"),
    [
        ("first_token_ms", Watch.heard, "Groq did not begin to answer within 20 ms."),
        ("idle_ms", answered, "Groq fell silent for 20 ms."),
        ("total_ms", answered, "Groq was not done within 20 ms."),
    ],
)
async def test_a_timeout_that_passes_is_told_with_its_name(
    limit: str, act: Callable[[Watch], object], told: str
) -> None:
    with pytest.raises(ProviderTimeout) as caught:
        await wait(act, **{limit: 20})
    assert (caught.value.message, caught.value.provider) == (told, "groq")
    assert f"timeouts.{limit}" in caught.value.hint


async def test_silence_does_not_count_before_anything_was_heard() -> None:
    with pytest.raises(ProviderTimeout, match="begin to answer"):
        await wait(idle_ms=10, first_token_ms=50)


async def test_heartbeats_hold_off_silence_and_no_other_timeout() -> None:
    with pytest.raises(ProviderTimeout, match="begin to answer"):
        await beat(idle_ms=5_000, first_token_ms=50)


async def test_while_our_own_reader_is_waited_for_nobody_is_silent() -> None:
    with pytest.raises(ProviderTimeout, match="was not done"):
        await wait(held, idle_ms=20, total_ms=100)


async def test_in_time_nothing_is_raised_and_an_error_of_its_own_stays_what_it_is() -> None:
    await fail(None)
    with pytest.raises(Overloaded, match="Busy"):
        await fail(Overloaded("Busy."))


async def test_a_cancel_from_outside_is_no_timeout() -> None:
    with anyio.CancelScope() as scope, watch():
        scope.cancel()
        await anyio.sleep_forever()
    assert scope.cancelled_caught

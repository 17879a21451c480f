"""Whatever ends the app ends all that it has started."""

from __future__ import annotations

import os
import signal

import pytest

from tests.conditions import comes_true
from tests.conftest import needs_llama_cpp
from tests.e2e.processes import below, is_alive
from tests.e2e.provider import HANG, Provider
from tests.e2e.screen import close_windows
from tests.e2e.window import ANSWER, Folders, Open


@pytest.mark.parametrize("how", ["its window closed", "SIGTERM", "SIGINT", "SIGKILL"])
def test_nothing_is_left(
    open_app: Open, folders: Folders, provider: Provider, display: str, how: str
) -> None:
    needs_llama_cpp()
    folders.write_config(provider.config())
    window = open_app()
    window.ask("Who are you?")
    window.answered()  # so that there is a worker, too
    window.choose("loop", "quick-1")
    window.ask("Go on")
    provider.say("and on ", HANG)
    window.shows(f"{ANSWER} .markdown", "and on")
    assert window.named("sidecar.local.worker")
    assert window.sidecar()
    family = [window.pid, *below(window.pid)]
    if how == "its window closed":
        window.screenshot("before-the-end")
        assert close_windows(display) > 0
    else:
        os.kill(window.pid, signal.Signals[how])

    def left() -> list[int]:
        return [pid for pid in family if is_alive(pid)]

    assert comes_true(lambda: not left()), left()
    assert provider.streams.get(timeout=1).closed.wait(1), "the provider was not told"

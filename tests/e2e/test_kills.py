"""Whoever is killed, and whenever: nothing of ours is left, and who is left works again."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conditions import LIMIT_S, comes_true
from tests.conftest import needs_llama_cpp
from tests.e2e.processes import belonging_to, is_alive
from tests.e2e.provider import HANG, Provider
from tests.e2e.webdriver import Driver
from tests.e2e.window import ANSWER, Folders, Window

PARTS = (8, 14, 14, 14)
"""So many kills each; the first in every run, all 50 in a long one."""
SEED = os.environ.get("AI_SIDECAR_SEED") or str(random.SystemRandom().randrange(1_000_000))
"""The same seed draws the same kills; a failure tells it."""
CRASHES = 4
"""So often an app's sidecar may die in a row. Each time the plugin waits twice as long."""
WORDS = {"sidecar": "-m sidecar --home", "worker": "sidecar.local.worker"}


@dataclass(frozen=True)
class Kill:
    """Who is killed, when, and how."""

    victim: str
    moment: str
    signal: signal.Signals

    def __str__(self) -> str:
        return f"{self.signal.name} to the {self.victim}, {self.moment}"


def draw(rng: random.Random) -> Kill:
    return Kill(
        rng.choice(("app", "sidecar", "worker")),
        rng.choice(("starting", "streaming", "idle")),
        rng.choice((signal.SIGKILL, signal.SIGTERM)),
    )


class Besieged:
    """An app whose parts are killed; it is opened anew when it has ended itself."""

    def __init__(
        self,
        program: Path,
        environment: dict[str, str],
        folders: Folders,
        provider: Provider,
        rng: random.Random,
    ) -> None:
        self._program = program
        self._environment = environment
        self._folders = folders
        self._provider = provider
        self._rng = rng
        self._app = ExitStack()
        """What there is to do when the app has ended."""
        self._window: Window | None = None
        self._crashes = 0
        self._loaded: dict[str, int] = {}
        """How many libraries each has loaded once it has started."""

    def suffer(self, kill: Kill) -> None:
        """Come to the moment, kill, and see what is left."""
        bring: Callable[[str], int] = getattr(self, f"_{kill.moment}")
        victim = bring(kill.victim)
        former = self._pids()
        os.kill(victim, kill.signal)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGCONT)  # one that is held hears nothing but SIGKILL
        assert comes_true(lambda: not is_alive(victim)), "it lives on"
        if kill.victim == "app":
            self._nothing_is_left()
            self.end()
        elif kill.victim == "sidecar":
            self._crashes += 1
            self._sidecar_is_back(former)
        else:
            self._worker_is_back(former, victim)
        if kill.moment == "streaming" and kill.victim != "worker":
            told = self._provider.streams.get(timeout=LIMIT_S).closed.wait(LIMIT_S)
            assert told, "the provider was not told"

    def end(self) -> None:
        """End the app, if it runs."""
        with self._app.pop_all():
            if self._window:
                self._window.end()
                self._window = None
            self._nothing_is_left()

    # ---- moments: each brings a victim there, and returns its process ----

    def _starting(self, victim: str) -> int:
        """It has loaded some of its libraries, any number of them."""
        window = self._opened()
        loaded, share = self._loaded, self._rng.uniform(0, 0.9)
        if victim == "app":
            self.end()
            started = subprocess.Popen([self._program], env=self._environment)
            self._app.callback(started.wait)
            self._app.callback(started.kill)  # where it comes to that
            # the family as a whole: WebKit's processes and the sidecar come one by one
            enough = share * loaded["app"]
            assert comes_true(lambda: libraries(*self._others()) >= enough), "it does not start"
            return started.pid
        [former] = self._pids()[victim]
        os.kill(former, signal.SIGKILL)
        assert comes_true(lambda: former not in self._pids()[victim])
        if victim == "sidecar":
            self._crashes += 1
        else:
            self._reaped(former)
            window.ask("Who are you?")
        assert comes_true(lambda: bool(self._pids()[victim])), "there is no other"
        [pid] = self._pids()[victim]
        assert comes_true(lambda: libraries(pid) >= share * loaded[victim])
        return pid

    def _streaming(self, victim: str) -> int:
        """An answer is coming, and has come for some while."""
        window = self._opened()
        if victim == "worker":
            # the demo model answers within 20 ms: it is held, so that it is busy when it is killed
            [worker] = self._pids()["worker"]
            os.kill(worker, signal.SIGSTOP)
            window.ask("Who are you?")
            window.shows(f"{ANSWER}[aria-busy=true]")
            return worker
        window.choose("loop", "quick-1")
        window.ask("Go on")
        for number in range(self._rng.randint(1, 6)):
            self._provider.say(f"word{number} ")
            window.shows(f"{ANSWER} .markdown", f"word{number}")
        self._provider.say(HANG)
        return self._idle(victim)

    def _idle(self, victim: str) -> int:
        """Everybody runs and has nothing to do."""
        window = self._opened()
        return window.pid if victim == "app" else self._pids()[victim][0]

    # ---- afterwards ----

    def _nothing_is_left(self) -> None:
        assert comes_true(lambda: not self._others()), self._others()

    def _sidecar_is_back(self, former: dict[str, list[int]]) -> None:
        assert self._window
        self._window.shows("[data-banner=restarted]")
        gone = [*former["sidecar"], *former["worker"]]
        assert comes_true(lambda: not any(map(is_alive, gone))), "its worker lives on"
        self._works()
        now = self._pids()
        assert (len(now["sidecar"]), len(now["worker"])) == (1, 1), now

    def _worker_is_back(self, former: dict[str, list[int]], killed: int) -> None:
        self._reaped(killed)
        self._works()
        now = self._pids()
        assert now["sidecar"] == former["sidecar"]
        assert len(now["worker"]) == 1, now
        assert now["worker"] != [killed]

    def _works(self) -> None:
        """Ask the demo model, in a new conversation, and hear its answer."""
        window = self._window
        assert window
        window.vanishes("article[aria-busy=true]")
        if window.count("article"):
            window.session.click("#new")
        if "Local model" not in window.text("#pick"):
            window.choose("local", "demo")
        window.ask("Who are you?")
        assert "demo model" in window.answered()

    # ---- the app ----

    def _opened(self) -> Window:
        """The app, which works and has a worker."""
        if self._window and self._crashes < CRASHES:
            return self._window
        self.end()
        self._crashes = 0
        driver = Driver(self._environment, self._folders.root / "app.log")
        self._app.callback(driver.close)
        shots = self._folders.root / "screenshots"
        self._window = Window(driver, self._program, self._folders, shots)
        self._works()
        if not self._loaded:
            self._loaded = {name: libraries(*pids) for name, pids in self._pids().items()}
            self._loaded["app"] = libraries(*self._others()) - self._loaded["worker"]
        return self._window

    def _others(self) -> dict[int, str]:
        """All of ours but the driver, which has the environment of the app."""
        found = belonging_to(self._folders.root)
        return {pid: words for pid, words in found.items() if "WebKitWebDriver" not in words}

    def _pids(self) -> dict[str, list[int]]:
        others = self._others()
        return {
            name: [pid for pid, words in others.items() if word in words]
            for name, word in WORDS.items()
        }

    def _reaped(self, pid: int) -> None:
        """Wait until the sidecar knows that its worker has ended."""
        assert comes_true(lambda: not Path(f"/proc/{pid}").exists())


def libraries(*pids: int) -> int:
    """How many libraries processes have loaded, all together."""
    return sum(len(set(re.findall(r"/\S+\.so\b.*", _maps(pid)))) for pid in pids)


def _maps(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """What draws the kills of a part."""
    return random.Random(f"{SEED}.{request.node.callspec.params['part']}")  # noqa: S311 - no secret


@pytest.fixture
def besieged(
    program: Path, display: str, folders: Folders, provider: Provider, rng: random.Random
) -> Iterator[Besieged]:
    """An app that is to suffer; at the end nothing is left of it."""
    needs_llama_cpp()
    folders.write_config(provider.config())
    found = Besieged(program, folders.environment(display), folders, provider, rng)
    yield found
    try:
        found.end()
    finally:
        for left in belonging_to(folders.root):
            os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, len(PARTS)))]
)
def test_no_process_of_ours_survives_random_kills(
    besieged: Besieged, rng: random.Random, part: int
) -> None:
    sys.stdout.write(f"AI_SIDECAR_SEED={SEED}\n")
    for number in range(PARTS[part]):
        kill = draw(rng)
        sys.stdout.write(f"{part}.{number}: {kill}\n")
        besieged.suffer(kill)

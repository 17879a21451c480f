"""The app's window, in the words of somebody who uses it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.conditions import comes_true
from tests.conftest import clean_environment
from tests.e2e.processes import is_alive, named
from tests.e2e.webdriver import ENTER, Driver, Session, WebDriverError

ANSWER = "article[data-role=assistant]:last-child"
_DRAWN = """
    document.fonts.ready.then(() => new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
    }))
"""
_STORED = "return JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])"


class Folders:
    """Where an app under test keeps its things: nobody else's, and nobody's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "data" / "dev.ai-sidecar.demo" / "ai-sidecar"
        """The sidecar's."""

    def environment(self, display: str, **more: str) -> dict[str, str]:
        """The environment of the app, and so of its sidecar, which runs from source."""
        command = json.dumps([sys.executable, "-m", "sidecar", *more.pop("arguments", "").split()])
        own = {"HOME": self.root, "XDG_RUNTIME_DIR": self.root / "run"}
        for name in ("data", "cache", "config"):
            own[f"XDG_{name.upper()}_HOME"] = self.root / name
        for folder in own.values():
            folder.mkdir(mode=0o700, exist_ok=True)
        clean = clean_environment(self.home, AI_SIDECAR_COMMAND=command, DISPLAY=display)
        clean.pop("AI_SIDECAR_HOME")  # the plugin names it
        clean.pop("WAYLAND_DISPLAY", None)
        # no accessibility bus, no session bus of the desktop that runs the tests
        quiet = {"NO_AT_BRIDGE": "1", "GTK_A11Y": "none", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
        return clean | quiet | {name: str(path) for name, path in own.items()} | more

    def write_config(self, text: str) -> None:
        """Write the user's config.toml."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.home / "config.toml").write_text(text, encoding="utf-8")


class Window:
    """A running app."""

    def __init__(self, driver: Driver, program: Path, folders: Folders, shots: Path) -> None:
        self.session = Session(driver, program)
        self.folders = folders
        self._shots = shots
        self.pid = self.session.pid
        self.js = self.session.js

    # ---- what is seen ----

    def text(self, css: str) -> str:
        """The text of the first such element, as it is shown; empty where there is none."""
        return str(
            self.js("return document.querySelector(arguments[0])?.innerText.trim() ?? ''", css)
        )

    def count(self, css: str) -> int:
        return int(self.js("return document.querySelectorAll(arguments[0]).length", css))

    def shows(self, css: str, text: str = "") -> None:
        """Wait for an element with this text in it."""
        found = comes_true(lambda: self.count(css) > 0 and text in self.text(css))
        assert found, f"no {css} with {text!r}:\n{self.text('body')}"

    def vanishes(self, css: str) -> None:
        assert comes_true(lambda: self.count(css) == 0), self.text("body")

    def answer(self) -> str:
        """The last answer, without what stands above and below it."""
        return self.text(f"{ANSWER} .markdown")

    def answered(self, state: str = "done") -> str:
        """Wait for the end of the last answer."""
        self.shows(f"{ANSWER}[data-state={state}]")
        return self.answer()

    def screenshot(self, name: str) -> None:
        """Save a picture, for people to look at; `AI_SIDECAR_SCREENSHOTS` names the folder."""
        self._shots.mkdir(parents=True, exist_ok=True)
        # what is in the document now is on the screen two frames later
        self.session.promised(_DRAWN)
        self.session.screenshot(self._shots / f"{name}.png")

    # ---- what is done ----

    def ask(self, text: str) -> None:
        """Type a question and send it."""
        self.session.type("#question", text + ENTER)

    def choose(self, provider: str, model: str) -> None:
        """Pick a model by its name."""
        self.session.click("#pick")
        self.session.click(f"button[data-provider={provider}]")
        self.shows("#model-search")
        self.session.type("#model-search", model + ENTER)
        self.vanishes("dialog[open]")

    def invoke(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Call the app's Rust side, as a page that was taken over would."""
        call = "window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1])"
        return self.session.promised(call, command, arguments)

    # ---- what is left ----

    def named(self, word: str) -> list[int]:
        """The processes below the app with this word in their command line."""
        return named(self.pid, word)

    def sidecar(self) -> int:
        """The process of the sidecar."""
        assert comes_true(lambda: bool(self.named("-m sidecar --home"))), "no sidecar runs"
        return self.named("-m sidecar --home")[0]

    def violations(self) -> str:
        """What the content security policy has refused since the page was loaded."""
        return str(self.js("return document.documentElement.dataset.violations ?? ''"))

    def everything(self) -> str:
        """All that the page holds: its elements, the fields' values, what it has stored."""
        fields = "return [...document.querySelectorAll('input, textarea')].map((it) => it.value)"
        html = self.js("return document.documentElement.outerHTML")
        return "\n".join([html, *self.js(fields), self.js(_STORED)])

    def end(self) -> None:
        """End the app, if it has not ended; its page has to have kept to its policy."""
        try:
            violations = self.violations()
        except (WebDriverError, httpx.HTTPError):
            violations = ""  # the window is gone
        with suppress(WebDriverError, httpx.HTTPError):
            self.session.end()
        if is_alive(self.pid):
            os.kill(self.pid, signal.SIGKILL)
        assert violations == ""


Open = Callable[..., Window]

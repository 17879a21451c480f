"""As much of WebDriver as is needed to use the app's window, spoken over plain HTTP.

Tauri's own tauri-driver is not needed on Linux: it starts the same WebKitWebDriver.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.conditions import LIMIT_S, comes_true
from tests.e2e.processes import below

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, ESCAPE, SHIFT, CONTROL = "\ue007", "\ue00c", "\ue008", "\ue009"
ARROW_DOWN, TAB = "\ue015", "\ue004"
Json = dict[str, Any]


class WebDriverError(Exception):
    """What the driver refused, with its word for it first."""


class Driver:
    """A WebKitWebDriver; the apps that it starts have its environment."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                ["WebKitWebDriver", "--host=127.0.0.1", f"--port={self.port}"],  # noqa: S607 - PATH's
                env={**environment, "TAURI_WEBVIEW_AUTOMATION": "true"},
                stdout=file,
                stderr=file,
            )
        assert comes_true(self._listens), "WebKitWebDriver did not start"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """Send one command; return its value."""
        answer = self._http.request(
            method, path, json=(body or {}) if method == "POST" else None, timeout=2 * LIMIT_S
        )
        value = answer.json()["value"]
        if answer.is_error:
            raise WebDriverError(value["error"], value["message"])
        return value

    def close(self) -> None:
        """End it, and first an app that still runs: it would live on."""
        for child in below(self.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.terminate()
        self._process.wait(LIMIT_S)
        self._http.close()

    def app_pid(self, program: Path) -> int:
        """The process of the app that it has started."""
        found: list[int] = []

        def look() -> bool:  # the list of children may be short of some while others come and go
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            pids = children.read_text(encoding="ascii").split()
            found[:] = [int(pid) for pid in pids if _runs(pid, program)]
            return bool(found)

        assert comes_true(look), "the app does not run"
        return found[0]

    def _listens(self) -> bool:
        try:
            self.ask("GET", "/status")
        except httpx.TransportError:
            return False
        return True


def _runs(pid: str, program: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink() == program
    except FileNotFoundError:  # it has ended
        return False


class Session:
    """A running app, and the page in its window."""

    def __init__(self, driver: Driver, program: Path) -> None:
        options = {"binary": str(program), "args": []}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        found = driver.ask("POST", "/session", {"capabilities": wanted})
        self._driver = driver
        self._path = f"/session/{found['sessionId']}"
        self.pid = driver.app_pid(program)

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """Send one command of this session."""
        return self._driver.ask(method, self._path + path, body)

    def js(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Run a script in the page; return what it returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": [*arguments]})

    def promised(self, expression: str, *arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Evaluate an expression that is a promise: `["ok", value]` or `["no", reason]`."""
        script = f"""
            const done = arguments[arguments.length - 1];
            ({expression}).then((it) => done(["ok", it ?? null]), (why) => done(["no", why]));
        """
        return self.ask("POST", "/execute/async", {"script": script, "args": [*arguments]})

    def click(self, css: str) -> None:
        """Click an element, as with a mouse."""
        self.ask("POST", f"/element/{self._element(css)}/click")

    def type(self, css: str, text: str) -> None:
        """Type into an element, key by key."""
        self.ask("POST", f"/element/{self._element(css)}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Press keys together, wherever the focus is."""
        presses = [{"type": "keyDown", "value": key} for key in keys]
        releases = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        source = {"type": "key", "id": "keyboard", "actions": [*presses, *releases]}
        self.ask("POST", "/actions", {"actions": [source]})

    def reload(self) -> None:
        """Load the page anew."""
        self.ask("POST", "/refresh")

    def resize(self, width: int, height: int) -> None:
        """Make the window so large."""
        self.ask("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, path: Path) -> None:
        """Save what the page looks like."""
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def end(self) -> None:
        """End the app, at once; nothing happens where it has ended."""
        self.ask("DELETE", "")

    def _element(self, css: str) -> str:
        """Wait for an element."""
        found: Json = {}

        def look() -> bool:
            elements = self.ask("POST", "/elements", {"using": "css selector", "value": css})
            found.update(elements[0] if elements else {})
            return bool(elements)

        assert comes_true(look), f"there is no {css}"
        return str(found[_ELEMENT])

"""The ten lines that add the sidecar to an app of one's own, taken from where they are shown."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.conditions import comes_true
from tests.conftest import needs_llama_cpp
from tests.e2e import own_app
from tests.e2e.building import LIMIT_S, SHELL, path, require, run
from tests.e2e.processes import belonging_to
from tests.e2e.screen import close_windows
from tests.e2e.webdriver import Driver, Session
from tests.e2e.window import Folders
from tests.typescript import packing

HOME, PLUGIN = own_app.READMES
THERE = {"[dependencies]", "{", "}", *own_app.RUST.splitlines()}
"""Lines that any app has, or that only hold others together."""


def test_both_readmes_show_the_same_ten_lines() -> None:
    shown = own_app.lines(HOME)
    assert own_app.lines(PLUGIN) == shown
    assert set(shown) == {
        *("Cargo.toml", "src/main.rs", "tauri.conf.json", "capabilities/main.json"),
        "ts",
    }
    added = [line for text in shown.values() for line in text.splitlines() if line not in THERE]
    assert len([line for line in added if line]) == 10, added


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh app with the lines in it, and with the client installed as by npm."""
    require()
    root = tmp_path_factory.mktemp("own")
    found = root / "app"
    own_app.write(found, own_app.lines(HOME))
    for package in own_app.installed(HOME):
        place = found / "node_modules" / package
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(SHELL / "node_modules" / package, target_is_directory=True)
    packing.install(root, found / "node_modules")
    return found


def test_the_lines_of_the_window_fit_the_clients_types(app: Path) -> None:
    node = shutil.which("node", path=path()) or "node"
    run(node, str(SHELL / "node_modules" / "typescript" / "bin" / "tsc"), folder=app)


@pytest.mark.timeout(LIMIT_S)
def test_an_app_with_these_lines_shows_an_answer_and_ends_with_all_it_has_started(
    app: Path, display: str, folders: Folders, tmp_path: Path
) -> None:
    needs_llama_cpp()
    program = own_app.build(app, tmp_path / "usr")
    environment = folders.environment(display)
    del environment["AI_SIDECAR_COMMAND"], environment["PYTHONPATH"]
    with closing(Driver(environment, tmp_path / "app.log")) as driver:
        session = Session(driver, program)
        body = "return document.body.innerText"
        assert comes_true(lambda: len(session.js(body).split()) > 1), session.js(body)
        words = "\n".join(belonging_to(folders.root).values())
        home = folders.root / "data" / "com.example.own-app" / "ai-sidecar"
        assert f"-m sidecar --home {home}" in words
        assert "-m sidecar.local.worker" in words
        if shots := os.environ.get("AI_SIDECAR_SCREENSHOTS"):
            Path(shots).mkdir(parents=True, exist_ok=True)
            session.screenshot(Path(shots) / "own-app.png")
        assert close_windows(display) > 0
        assert comes_true(lambda: {*belonging_to(folders.root)} <= {driver.pid})

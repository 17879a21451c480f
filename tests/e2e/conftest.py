"""The real app, in a real window on a screen of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conditions import LIMIT_S
from tests.conftest import install_lines, missing, needs_llama_cpp
from tests.e2e.building import build, package, require
from tests.e2e.provider import Provider, providing
from tests.e2e.webdriver import Driver
from tests.e2e.window import Folders, Open, Window


@pytest.fixture(scope="session")
def program() -> Path:
    """The app's program."""
    return build()


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, of today's sources."""
    needs_llama_cpp()
    if lines := install_lines("freezing"):
        missing("Python as a library, or objdump,", "; ".join(lines))
    if shutil.which("dpkg-deb") is None:
        missing("dpkg-deb", "a system that has .deb packages")
    return package(tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    require()
    reading, writing = os.pipe()
    # without -noreset it begins anew when its last window closes, and refuses others meanwhile
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24"]
    command += ["-noreset", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as said:
        yield f":{said.readline().strip()}"
        screen.terminate()
        screen.wait(LIMIT_S)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Where the app of this test keeps its things."""
    root = tmp_path / "app"
    root.mkdir(mode=0o700)
    return Folders(root)


@pytest.fixture
def open_app(program: Path, display: str, folders: Folders, tmp_path: Path) -> Iterator[Open]:
    """Open the app; at the end it is closed, and its page has kept to its policy."""
    shots = Path(os.environ.get("AI_SIDECAR_SCREENSHOTS") or tmp_path / "screenshots")
    with ExitStack() as stack:

        def begin(**environment: str) -> Window:
            driver = Driver(folders.environment(display, **environment), tmp_path / "app.log")
            stack.callback(driver.close)
            window = Window(driver, program, folders, shots)
            stack.callback(window.end)
            return window

        yield begin


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that says what the test tells it to."""
    with providing() as found:
        yield found

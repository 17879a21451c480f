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
from tests.e2e import building
from tests.e2e.provider import Provider, providing
from tests.e2e.webdriver import Driver
from tests.e2e.window import Folders, Open, Window

BUILT = {"program", "deb"}
"""The fixtures that are built."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each of these tests, of which any may be the first, the time that building takes."""
    for item in items:
        if BUILT & {*getattr(item, "fixturenames", ())}:
            # before a limit of its own, which does not know of that
            item.add_marker(pytest.mark.timeout(building.LIMIT_S), append=False)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's program."""
    return building.build(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, of today's sources."""
    needs_llama_cpp()
    if lines := install_lines("freezing"):
        missing("Python as a library, or objdump,", "; ".join(lines))
    if shutil.which("dpkg-deb") is None:
        missing("dpkg-deb", "a system that has .deb packages")
    return building.package(tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    building.require()
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

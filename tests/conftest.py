"""What every test may ask for: a sidecar in a home of its own, and the recorded traffic."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.terminal.peer import Peer, own_command

if TYPE_CHECKING:
    from tests.secret_service import SecretService

ROOT = Path(__file__).parent.parent
NO_SKIPS = "AI_SIDECAR_NO_SKIPS"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`."""
    parser.addoption("--long", action="store_true", help="also what takes minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what takes minutes unless it is asked for; in CI, too, which has no time for it."""
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="takes minutes: scripts/test --long")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a sidecar under test: no keys, proxies and providers of who runs it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_KEY", "_TOKEN", "_PROXY", "_HOST", "_ENDPOINT"))
    }
    own = {
        "AI_SIDECAR_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",  # nobody's own keyring
    }
    return kept | own | more


Start = Callable[..., Peer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start sidecars, real processes on real pipes, which end with the test."""
    peers: list[Peer] = []

    def begin(*arguments: str, stderr: int | None = None, **environment: str) -> Peer:
        peer = Peer(
            own_command(arguments),
            environment=clean_environment(tmp_path / "home", **environment),
            folder=tmp_path,
            stderr=stderr,
        )
        peers.append(peer)
        return peer

    yield begin
    for peer in peers:
        peer.close()


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a script for the provider `scripted`; return the folder for `--scripted`."""
    folder = tmp_path / "scripts"
    folder.mkdir()

    def write(name: str, text: str) -> Path:
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
        return folder

    return write


def missing(part: str, install: str) -> None:
    """Skip for want of a system part, naming the line that installs it; in CI that is a failure."""
    reason = f"{part} is missing; install it with: {install}"
    if os.environ.get(NO_SKIPS):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


def node_program(name: str, package: Path) -> str:
    """Return the path of `node` or `npm`, for a package whose node_modules must be installed."""
    beside = str(Path(sys.executable).parent)  # scripts/setup has installed one there
    found = shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if found is None or not (package / "node_modules").exists():
        missing(name if found is None else package.name, "scripts/setup --for test")
    return found or ""


def needs_llama_cpp() -> None:
    """Skip where the engine of local models is not installed."""
    if importlib.util.find_spec("llama_cpp") is None:
        missing("llama_cpp", "; ".join([*install_lines("compiler"), "scripts/setup --for test"]))


def install_lines(part: str) -> list[str]:
    """What installs a part that the system lacks, as scripts/setup has noted it."""
    lacking = ROOT / ".venv" / "lacking"
    lines = lacking.read_text(encoding="utf-8").splitlines() if lacking.exists() else []
    return [line.partition("\t")[2] for line in lines if line.startswith(f"{part}\t")]


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded provider traffic, named by RECORDED_TRAFFIC.

    It is data that not everybody has, and no line installs it: without it CI skips as well.
    """
    given = os.environ.get("RECORDED_TRAFFIC")
    if not given:
        pytest.skip("recorded traffic of real providers: set RECORDED_TRAFFIC to its folder")
    folder = Path(given)
    assert folder.is_dir(), f"RECORDED_TRAFFIC names no folder: {folder}"
    return folder


@pytest.fixture(scope="session")
def secret_service() -> Iterator[SecretService]:
    """A Secret Service that nobody else uses; `start(**secret_service.environment)` uses it."""
    from tests.secret_service import running  # noqa: PLC0415 - that module imports this one

    yield from running()

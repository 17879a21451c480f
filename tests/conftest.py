"""What every test may ask for: a sidecar in a home of its own, and the recorded traffic."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer, own_command

ROOT = Path(__file__).parent.parent
NO_SKIPS = "AI_SIDECAR_NO_SKIPS"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a sidecar under test: no keys and no proxies of whoever runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_KEY", "_TOKEN", "_PROXY"))
    }
    return kept | {"AI_SIDECAR_HOME": str(home), "PYTHONPATH": str(ROOT)} | more


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


def needs_llama_cpp() -> None:
    """Skip where the engine of local models is not installed."""
    if importlib.util.find_spec("llama_cpp") is not None:
        return
    lacking = ROOT / ".venv" / "lacking"  # where scripts/setup notes what the system lacks
    lines = lacking.read_text(encoding="utf-8").splitlines() if lacking.exists() else []
    compiler = [line.partition("\t")[2] for line in lines if line.startswith("compiler\t")]
    missing("llama_cpp", "; ".join([*compiler, "scripts/setup --for test"]))


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

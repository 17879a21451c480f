"""What the tests of local models share: tiny models, and a worker to talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.local.models import LocalModel
from sidecar.local.protocol import Ready
from tests.local.gguf_models import EOS, byte, write_chains, write_slow
from tests.local.worker_pipe import Pipe

CHAINS = {
    "A": ("Hello", "▁wide", "▁world", EOS),
    "B": (*(byte(value) for value in "😀".encode()), "▁smile", EOS),
    "C": ("tick", "tock", "tick"),
    "D": (byte(0xFF), "▁after", EOS),
    "E": ("one", "<EN", "D>", "two", EOS),
    "F": ("cut", byte(0xE2), byte(0x82), EOS),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """Say what `CHAINS` tells after the last character of the last message; any other: noise."""
    path = tmp_path_factory.mktemp("models") / "chains.gguf"
    write_chains(path, CHAINS)
    return LocalModel(id="chains", path=str(path), context=256, gpu_layers=0, threads=1)


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """Take seconds for a prompt that fills the context."""
    path = tmp_path_factory.mktemp("models") / "slow.gguf"
    write_slow(path, width=256, layers=8, context=16_384)
    return LocalModel(id="slow", path=str(path), context=16_384, gpu_layers=0, threads=2)


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """Be no GGUF at all."""
    path: Path = tmp_path_factory.mktemp("models") / "broken.gguf"
    path.write_bytes(b"GGUF, or so it says")
    return LocalModel(id="broken", path=str(path), context=256)


@pytest.fixture(scope="module")
def worker() -> Iterator[Pipe]:
    """A worker that is ready."""
    pipe = Pipe()
    assert isinstance(pipe.answer(), Ready)
    yield pipe
    pipe.close()

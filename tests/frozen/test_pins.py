"""build/constraints.txt: which packages are frozen."""

from __future__ import annotations

import sys

import pytest

import pins
from tests.conftest import needs_llama_cpp


@pytest.mark.skipif(sys.platform != "linux", reason="those of other systems alone are not pinned")
def test_every_package_that_is_frozen_has_the_version_that_is_written_down() -> None:
    needs_llama_cpp()
    pinned = pins.pinned()
    assert {name: pinned.get(name) for name in pins.installed()} == pins.installed()
    assert {"anyio", "cryptography", "httpx", "msgspec", "numpy", "pyinstaller"} <= pinned.keys()

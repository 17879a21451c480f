"""What a frozen program does to its environment, as seen from source."""

from __future__ import annotations

import os
import sys

import pytest

from sidecar import frozen


@pytest.fixture
def as_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", "/there/ai-sidecar")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/there/_MEI1:/the/users")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/the/users")


@pytest.mark.usefixtures("as_frozen")
def test_children_get_what_the_user_had_set() -> None:
    frozen.restore_environment()
    assert os.environ["LD_LIBRARY_PATH"] == "/the/users"
    assert not {"_PYI_ARCHIVE_FILE", "LD_LIBRARY_PATH_ORIG"} & set(os.environ)


@pytest.mark.usefixtures("as_frozen")
def test_what_the_user_had_not_set_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG")
    frozen.restore_environment()
    assert "LD_LIBRARY_PATH" not in os.environ


def test_from_source_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/the/users")
    before = dict(os.environ)
    frozen.restore_environment()
    assert dict(os.environ) == before
    assert frozen.unpacked_folder() is None

"""What is set over RPC: kept, read again, and taken back where it can't be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.engine.directory import Active, Directory, Overrides
from sidecar.engine.preferences import Preferences
from sidecar.errors import ProviderNotFound, StorageError
from sidecar.records.database import Database
from sidecar.settings import Config

pytestmark = pytest.mark.anyio


def preferences(tmp_path: Path) -> Preferences:
    directory = Directory(Config(), scripted=False)
    return Preferences(directory, Database(tmp_path / "home"))


async def test_what_can_not_be_stored_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    made = preferences(tmp_path)
    with pytest.raises(StorageError):
        await made.configure("groq", Overrides(model="m"))
    with pytest.raises(StorageError):
        await made.activate(Active(provider="groq"))
    assert made._directory.overrides == {}
    assert made._directory.active.provider == "local"


async def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    made = preferences(tmp_path)
    await made.configure("groq", Overrides(model="m"))
    await made.configure("xai", Overrides(model="m"))
    await made.configure("xai", Overrides())
    await made.activate(Active(provider="groq"))
    again = preferences(tmp_path)
    assert again.load() == []
    assert again._directory.overrides == {"groq": Overrides(model="m")}
    assert again._directory.active == Active(provider="groq")


async def test_an_unknown_one_is_not_made_by_its_settings(tmp_path: Path) -> None:
    made = preferences(tmp_path)
    with pytest.raises(ProviderNotFound):
        await made.configure("none", Overrides(model="m"))
    assert made._directory.overrides == {}


async def test_it_tells_in_whose_settings_a_text_stands(tmp_path: Path) -> None:
    made = preferences(tmp_path)
    await made.configure("groq", Overrides(organization="org with-a-long-text-in-it-somewhere"))
    await made.activate(Active(provider="xai", model="the-model-of-the-active-one-is-long"))
    assert made.holding("a-long-text-in-it-somewhere") == "groq"
    assert made.holding("model-of-the-active-one") == "xai"
    assert made.holding("nowhere-at-all-to-be-found") is None
    assert made.holding("groq") is None, "a word may stand there by chance"

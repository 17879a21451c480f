"""Reading litellm's list out of a wheel: the real pip, and a folder in the place of PyPI."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from scripts.update_catalog import sources

NAME, _, VERSION = sources.pinned().partition("==")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_the_list_is_read_out_of_the_pinned_wheel(index: Path) -> None:
    with zipfile.ZipFile(index / f"{NAME}-{VERSION}-py3-none-any.whl", "w") as wheel:
        info = f"{NAME}-{VERSION}.dist-info"
        needs = "Requires-Dist: a-package-that-is-nowhere"
        wheel.writestr(f"{info}/METADATA", f"Name: {NAME}\nVersion: {VERSION}\n{needs}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        wheel.writestr(sources._LIST, json.dumps({"a": {"mode": "chat"}}))
    assert sources.litellm_rows() == {"a": {"mode": "chat"}}


@pytest.mark.usefixtures("index")
def test_without_a_network_pips_own_words_are_told() -> None:
    with pytest.raises(sources.Unreachable, match=NAME):
        sources.litellm_rows()


def test_the_versions_are_those_that_are_pinned() -> None:
    assert sources.versions()[NAME] == VERSION
    assert set(sources.versions()) == {"genai-prices", "litellm"}

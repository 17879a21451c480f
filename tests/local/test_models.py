"""The rows of local models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.errors import ComponentMissing, ModelNotFound
from sidecar.local.models import LocalModel, bundled, find

ROW = LocalModel(id="one", path="one.gguf", context=128, display_name="One")


def test_the_demo_models_row_is_made_of_what_lies_beside_it() -> None:
    demo = bundled()
    facts = json.loads(Path(demo.path).with_suffix(".json").read_text(encoding="utf-8"))
    assert demo.id == "demo"
    assert demo.context == facts["context_length"]
    assert "demo" in (demo.display_name or "").lower()
    assert Path(demo.path).stat().st_size == facts["bytes"]


def test_a_missing_demo_model_is_a_missing_component(tmp_path: Path) -> None:
    with pytest.raises(ComponentMissing):
        bundled(tmp_path)


def test_an_unknown_id_is_told_with_the_known_ones() -> None:
    assert find([ROW], "one") is ROW
    with pytest.raises(ModelNotFound) as refusal:
        find([ROW], "two")
    assert "two" in refusal.value.message
    assert "one" in refusal.value.hint


def test_a_row_tells_what_list_models_says() -> None:
    info = ROW.info()
    assert (info.id, info.provider, info.context_window) == ("one", "local", 128)

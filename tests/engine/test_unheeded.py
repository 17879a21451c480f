"""Marks that only some providers heed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sidecar.engine import unheeded
from sidecar.engine.directory import Directory
from sidecar.providers.sink import Facts
from sidecar.settings import Config, ProviderSettings
from sidecar.values import AIRequest

CONTROL = {"cache_control": {"type": "ephemeral"}}
AUDIO = {"type": "audio", "data": "AAAA", "media_type": "audio/wav"}
MARKED: dict[str, dict[str, Any]] = {
    "a part": {"messages": [{"role": "user", "content": [
        AUDIO, {"type": "text", "text": "x", **CONTROL}]}]},
    "a tool": {"messages": [{"role": "user", "content": "x"}], "tools": [{"name": "f", **CONTROL}]},
}  # fmt: skip
CITED = {
    "messages": [
        {
            "role": "user",
            "content": [{"type": "file", "url": "https://x.example", "citations": True}],
        }
    ]
}


def told(request: dict[str, Any], provider: str) -> list[str]:
    rows = {"mine": ProviderSettings(format="anthropic")}
    vendor = Directory(Config(providers=rows), scripted=False).row(provider).vendor
    facts = Facts()
    unheeded.tell(msgspec.convert(request, AIRequest), vendor, facts)
    return facts.warnings


@pytest.mark.parametrize("request_", MARKED.values(), ids=MARKED)
def test_a_mark_for_the_prompts_cache_is_told_where_nobody_heeds_it(
    request_: dict[str, Any],
) -> None:
    assert told(request_, "openai") == ["OpenAI takes no `cache_control`; it was not sent."]
    assert told(request_, "local") != []
    assert told(request_, "anthropic") == told(request_, "mine") == []


def test_citations_of_documents_are_told_where_nobody_heeds_them() -> None:
    assert told(CITED, "openai") == ["OpenAI cites no documents; `citations` was not sent."]
    assert told(CITED, "anthropic") == told(CITED, "mine") == []


def test_a_request_without_marks_is_told_nothing() -> None:
    assert told({"messages": [{"role": "user", "content": "x"}]}, "openai") == []

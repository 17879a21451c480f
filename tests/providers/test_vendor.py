from __future__ import annotations

import pytest

from sidecar.providers.catalog import VENDORS
from sidecar.providers.formats import FORMATS, load
from sidecar.providers.vendor import Vendor

ROWS = {row.name: row for row in VENDORS}


@pytest.mark.parametrize(
    ("model", "wire"),
    [
        ("gpt-4o", "openai_chat"),
        ("gpt-4.1-nano-2025-04-14", "openai_chat"),
        ("gpt-5-chat-latest", "openai_chat"),
        ("gpt-5-search-api", "openai_chat"),
        ("gpt-3.5-turbo", "openai_chat"),
        ("chatgpt-4o-latest", "openai_chat"),
        ("gpt-audio", "openai_chat"),
        ("omni-moderation-latest", "openai_chat"),
        ("ft:gpt-4o-mini:org::1", "openai_chat"),
        ("", "openai_chat"),
        ("o1", "openai_responses"),
        ("o3-deep-research", "openai_responses"),
        ("o4-mini-2025-04-16", "openai_responses"),
        ("ft:o4-mini:org::1", "openai_responses"),
        ("gpt-5", "openai_responses"),
        ("gpt-5-nano", "openai_responses"),
        ("gpt-5-codex", "openai_responses"),
        ("gpt-5.3-chat-latest", "openai_responses"),
        ("gpt-5.6-sol", "openai_responses"),
        ("gpt-6", "openai_responses"),
        ("codex-mini-latest", "openai_responses"),
    ],
)
def test_openais_models_that_reason_go_by_responses(model: str, wire: str) -> None:
    assert ROWS["openai"].format_of(model) == wire
    assert ROWS["openai"].reasons(model) == (wire == "openai_responses")


def test_a_row_has_one_format_for_all_models_unless_it_says_otherwise() -> None:
    own = Vendor(name="own", display_name="Own", format="openai_chat")
    assert own.format_of("o3") == "openai_chat"
    assert ROWS["groq"].format_of("o3") == "openai_chat"


def test_every_format_that_a_row_names_is_there() -> None:
    for row in VENDORS:
        for wire in (row.format, *(other for _, other in row.also)):
            assert wire == "local" or load(wire).framing in ("sse", "ndjson")
    for name in FORMATS:
        assert load(name).framing in ("sse", "ndjson")

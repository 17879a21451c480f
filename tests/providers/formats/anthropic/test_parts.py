"""Parts of messages: pictures, documents, and what the API has no block for."""

from __future__ import annotations

import base64

import pytest

from sidecar.errors import InvalidParams
from tests.providers.formats.anthropic.saying import Json, built

USER = {"role": "user", "content": "hi"}
PNG: Json = {"type": "image", "data": "iVBORw0KGgo=", "media_type": "image/png"}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


def part(given: Json) -> Json:
    found, warnings = built({"messages": [{"role": "user", "content": [given]}]})
    assert warnings == []
    [block] = found["messages"][0]["content"]
    assert isinstance(block, dict)
    return block


def test_images_come_in_base64_or_by_url() -> None:
    assert part(PNG) == {"type": "image", "source": SOURCE}
    assert part({"type": "image", "url": "data:image/png;base64,iVBORw0KGgo="}) == part(PNG)
    url = "https://x.example/a.png"
    assert part({"type": "image", "url": url}) == {
        "type": "image",
        "source": {"type": "url", "url": url},
    }


def test_documents_come_in_base64_or_by_url() -> None:
    pdf = {"type": "file", "data": "JVBERi0xLjcK", "media_type": "application/pdf"}
    assert part(pdf | {"filename": "a.pdf", "citations": True}) == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"},
        "title": "a.pdf",
        "citations": {"enabled": True},
    }
    url = "https://x.example/a.pdf"
    source = {"type": "url", "url": url}
    assert part({"type": "file", "url": url}) == {"type": "document", "source": source}


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
def test_text_documents_are_sent_as_text(media_type: str) -> None:
    data = base64.b64encode("Grüße 😀".encode()).decode()
    expected = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Grüße 😀"},
    }
    assert part({"type": "file", "data": data, "media_type": media_type}) == expected
    url = f"data:{media_type};charset=utf-8;base64,{data}"
    assert part({"type": "file", "url": url}) == expected


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"type": "audio", "data": "AAAA", "media_type": "audio/wav"}, ""),
        ({"type": "file", "data": "AAAA", "media_type": "application/zip"}, ".media_type"),
        ({"type": "file", "data": "//8=", "media_type": "text/plain"}, ".data"),
        ({"type": "file", "url": "data:text/plain;base64,!"}, ".url"),
        ({"type": "file", "url": "data:application/zip;base64,AAAA"}, ".url"),
        ({"type": "image", "url": "data:image/svg+xml,<svg/>"}, ".url"),
    ],
)
def test_what_the_api_has_no_block_for_is_refused_with_its_path(given: Json, place: str) -> None:
    with pytest.raises(InvalidParams) as raised:
        built({"messages": [USER, {"role": "user", "content": [given]}]})
    error = raised.value
    assert error.path == f"$.request.messages[1].content[0]{place}"
    assert error.provider == "anthropic"


def test_a_part_marks_the_prompt_that_is_kept() -> None:
    control = {"type": "ephemeral", "ttl": "1h"}
    for given in (PNG, {"type": "text", "text": "x"}):
        assert part({**given, "cache_control": control})["cache_control"] == control


def test_the_detail_of_an_image_is_told_as_not_taken() -> None:
    found, told = built({"messages": [{"role": "user", "content": [{**PNG, "detail": "low"}]}]})
    assert found["messages"][0]["content"] == [{"type": "image", "source": SOURCE}]
    assert "`detail`" in str(told)

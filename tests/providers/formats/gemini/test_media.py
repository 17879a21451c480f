from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import InvalidParams
from sidecar.values import AIMessage, AudioPart, FilePart, ImagePart, Part, TextPart
from tests.providers.formats.gemini.saying import body_of

Json = dict[str, Any]
PNG = ImagePart(data="aGk=", media_type="image/png")
INLINE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (TextPart(text="a"), {"text": "a"}),
        (PNG, INLINE),
        (ImagePart(url="data:image/png;base64,aGk="), INLINE),
        (ImagePart(url="DATA:image/png;BASE64,aGk="), INLINE),
        (ImagePart(url="data:;base64,aGk=", media_type="image/png"), INLINE),
        (ImagePart(url="https://a.example/b.JPG?x=1"),
         {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.example/b.JPG?x=1"}}),
        (ImagePart(url="https://a.example/b", media_type="image/webp"),
         {"fileData": {"mimeType": "image/webp", "fileUri": "https://a.example/b"}}),
        (ImagePart(url="https://a.example/b"), {"fileData": {"fileUri": "https://a.example/b"}}),
        (FilePart(data="aGk=", media_type="application/pdf"),
         {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}),
        (FilePart(url="https://a.example/b"),
         {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.example/b"}}),
        (FilePart(url="https://a.example/b.csv"),
         {"fileData": {"mimeType": "text/csv", "fileUri": "https://a.example/b.csv"}}),
        (FilePart(url="https://generativelanguage.googleapis.com/v1beta/files/x"),
         {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}),
        (AudioPart(data="aGk=", media_type="audio/mpeg"),
         {"inlineData": {"mimeType": "audio/mpeg", "data": "aGk="}}),
    ],
)  # fmt: skip
def test_every_part_has_its_form(part: Part, sent: Json) -> None:
    body, warnings = body_of(AIMessage(role="user", content=[part]))
    assert body["contents"][0]["parts"] == [sent]
    assert warnings == []


@pytest.mark.parametrize(
    "url", ["data:image/png,hi", "data:image/png;base64,a b", "data:;base64,aGk=", "data:nothing"]
)
def test_a_data_url_that_can_not_be_sent_is_refused(url: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        body_of(AIMessage(role="user", content=[ImagePart(url=url)]))
    assert caught.value.path == "$.request.messages[0].content[0].url"


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidParams) as caught:
        body_of(AIMessage(role="user", content=[ImagePart(url="https://[bad/x.png")]))
    assert caught.value.path == "$.request.messages[0].content[0].url"


def test_what_is_not_taken_of_a_part_is_told() -> None:
    body, warnings = body_of(AIMessage(role="user", content=[
        ImagePart(data="aGk=", media_type="image/png", detail="high"),
        ImagePart(data="aGk=", media_type="image/png", detail="auto"),
        FilePart(data="aGk=", media_type="application/pdf", filename="a.pdf"),
    ]))  # fmt: skip
    assert "a.pdf" not in str(body)
    assert [("`detail`" in each, "`filename`" in each) for each in warnings] == [
        (True, False), (False, True),
    ]  # fmt: skip

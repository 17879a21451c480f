"""Content parts: text, and images, documents and sound as `inlineData` or `fileData`.

https://ai.google.dev/gemini-api/docs/file-input-methods: the API fetches https addresses (Gemini
2.0 and older do not), and those of its own Files API.
"""

from __future__ import annotations

import binascii
from typing import Any, assert_never
from urllib.parse import urlsplit

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts
from sidecar.values import AudioPart, FilePart, ImagePart, Part, TextPart

# By the end of an address: the API wants a media type, and an address has none.
_BY_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "xml": "text/xml",
}
# Its own Files API, and videos: what lies there has a type that Google knows.
_KNOWN_TO_GOOGLE = (
    "generativelanguage.googleapis.com",
    "www.youtube.com",
    "youtube.com",
    "youtu.be",
)


def encode(part: Part, path: str, facts: Facts) -> dict[str, Any]:
    """Return a part. Raises `InvalidParams` for a URL that can't be read."""
    match part:
        case TextPart(text=text):
            return {"text": text}
        case ImagePart():
            if part.detail in ("low", "high"):
                facts.warn(
                    "Google takes no `detail` of an image; it was not sent. "
                    "Use `extra`: generationConfig.mediaResolution."
                )
            return _media(part, path, None)
        case FilePart():
            if part.filename is not None:
                facts.warn("Google takes no `filename`; it was not sent.")
            return _media(part, path, "application/pdf")
        case AudioPart():
            return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
    assert_never(part)


def _media(part: ImagePart | FilePart, path: str, usual: str | None) -> dict[str, Any]:
    if part.url is None:
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
    if part.url[:5].lower() == "data:":
        return _of_data_url(part.url, part.media_type or usual, f"{path}.url")
    try:
        place = urlsplit(part.url)
    except ValueError:
        message = "This is no URL."
        raise InvalidParams(message, hint="Correct it.", path=f"{path}.url") from None
    ending = place.path.rpartition(".")[2].lower()
    kind = part.media_type or _BY_ENDING.get(ending)
    if kind is None and place.hostname not in _KNOWN_TO_GOOGLE:
        kind = usual
    found = {"mimeType": kind, "fileUri": part.url}
    return {"fileData": {name: value for name, value in found.items() if value is not None}}


def _of_data_url(url: str, usual: str | None, path: str) -> dict[str, Any]:
    """`data:image/png;base64,…` (RFC 2397)."""
    head, comma, data = url[5:].partition(",")
    kind, *parameters = head.split(";")
    if not comma or "base64" not in [each.strip().lower() for each in parameters]:
        raise InvalidParams(
            "This data URL is not in base64.",
            hint="Send `data` in base64, and its `media_type`.",
            path=path,
        )
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        raise InvalidParams(
            "The data of this data URL is no base64.",
            hint="Send `data` in base64, and its `media_type`.",
            path=path,
        ) from None
    mime = kind.strip() or usual
    if mime is None:
        message = "This data URL has no media type."
        raise InvalidParams(message, hint="Write it as data:image/png;base64,…", path=path)
    return {"inlineData": {"mimeType": mime, "data": data}}

"""The parts of a message as content blocks.

https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, assert_never

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AudioPart, CacheControl, FilePart, ImagePart, Part, TextPart

_DATA_URL = re.compile(r"data:([^;,]*)[^,]*;base64,", re.IGNORECASE)
_PDF = "application/pdf"


def block(part: Part, path: str, target: Target, facts: Facts) -> dict[str, Any]:
    """Return a part as a block. Raises `InvalidParams` for what the API has no block for."""
    match part:
        case TextPart():
            found: dict[str, Any] = {"type": "text", "text": part.text}
        case ImagePart():
            if part.detail not in (None, "auto"):
                facts.warn(f"{target.vendor.display_name} takes no `detail` of an image.")
            found = {"type": "image", "source": _source(part, path, target)}
        case FilePart():
            found = {"type": "document", "source": _document(part, path, target)}
            if part.filename is not None:
                found["title"] = part.filename
            if part.citations is not None:
                found["citations"] = {"enabled": part.citations}
        case AudioPart():
            raise InvalidParams(
                f"{target.vendor.display_name} takes no sound.",
                hint="Send what is said as text, or ask a provider that hears.",
                path=path,
                provider=target.vendor.name,
            )
        case _:
            assert_never(part)
    return cached(found, part.cache_control)


def cached(found: dict[str, Any], control: CacheControl | None) -> dict[str, Any]:
    """Add the mark up to which the prompt is to be kept, if there is one."""
    if control is not None:
        found["cache_control"] = {"type": "ephemeral"}
        if control.ttl is not None:
            found["cache_control"]["ttl"] = control.ttl
    return found


def _source(part: ImagePart | FilePart, path: str, target: Target) -> dict[str, Any]:
    media_type, data = part.media_type, part.data
    if part.url is not None:
        if not part.url.lower().startswith("data:"):
            return {"type": "url", "url": part.url}
        found = _DATA_URL.match(part.url)
        if found is None:
            raise InvalidParams(
                "A data URL has to be in base64 here.",
                path=f"{path}.url",
                provider=target.vendor.name,
            )
        media_type, data = found[1], part.url[found.end() :]
    return {"type": "base64", "media_type": media_type, "data": data}


def _document(part: FilePart, path: str, target: Target) -> dict[str, Any]:
    source = _source(part, path, target)
    media_type = source.get("media_type")
    if media_type is None or media_type == _PDF:
        return source
    if not media_type.startswith("text/"):
        raise InvalidParams(
            f"{target.vendor.display_name} takes documents as PDF and as plain text, "
            f"not as {media_type}.",
            path=f"{path}.media_type" if part.data is not None else f"{path}.url",
            provider=target.vendor.name,
        )
    try:
        text = base64.b64decode(source["data"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidParams(
            "A text document has to be UTF-8, in base64.",
            path=f"{path}.data" if part.data is not None else f"{path}.url",
            provider=target.vendor.name,
        ) from None
    return {"type": "text", "media_type": "text/plain", "data": text}

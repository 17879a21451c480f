"""Marks in a request that only some providers heed, told where the one that is asked does not."""

from __future__ import annotations

from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Vendor
from sidecar.values import AIRequest, AudioPart, FilePart


def tell(request: AIRequest, vendor: Vendor, facts: Facts) -> None:
    """Warn of `cache_control` and of a document's `citations`, as far as they are left out."""
    parts = [
        part
        for message in request.messages
        if isinstance(message.content, list)
        for part in message.content
        if not isinstance(part, AudioPart)
    ]
    if "prompt_caching" not in vendor.capabilities and any(
        marked.cache_control is not None for marked in (*parts, *(request.tools or ()))
    ):
        facts.warn(f"{vendor.display_name} takes no `cache_control`; it was not sent.")
    if "document_citations" not in vendor.capabilities and any(
        isinstance(part, FilePart) and part.citations for part in parts
    ):
        facts.warn(f"{vendor.display_name} cites no documents; `citations` was not sent.")

"""Sources that an answer refers to.

https://platform.claude.com/docs/en/build-with-claude/citations. A citation belongs to the whole of
its text block: where that lies in the content is known when the block has ended (`placed`).
"""

from __future__ import annotations

from msgspec.structs import replace

from sidecar.providers.formats.lenient import count, fields
from sidecar.providers.formats.surrogates import whole
from sidecar.values import Citation

_ENTRY = 200


def read(given: object) -> Citation | None:
    """Read one citation; None where it is no object.

    A document has no address: it is told by its title, its number among the request's documents,
    and, of a PDF, its page.
    """
    source = fields(given)
    if not source:
        return None
    return Citation(
        # `source` of a search result that the request brought may be an address or any name.
        url=_text(source.get("url")) or _text(source.get("source")),
        title=_text(source.get("title")) or _text(source.get("document_title")),
        text=_text(source.get("cited_text")),
        document_index=count(source.get("document_index")),
        page=count(source.get("start_page_number")),
    )


def placed(citations: dict[Citation, None], start: int, end: int) -> list[Citation]:
    """Return them as those of the content's characters from `start` to `end`."""
    return [replace(each, start_index=start, end_index=end) for each in citations]


def size(citation: Citation) -> int:
    """About what one takes of the memory."""
    texts = (citation.url, citation.title, citation.text)
    return _ENTRY + sum(len(text) for text in texts if text is not None)


def _text(value: object) -> str | None:
    return whole(value) if isinstance(value, str) and value else None

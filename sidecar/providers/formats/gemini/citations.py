"""Sources that an answer refers to: `groundingMetadata` and `citationMetadata`.

https://ai.google.dev/gemini-api/docs/google-search#understanding_the_grounding_response. A support
says which part of the answer which of the sources bear out. Its indexes count bytes of UTF-8
within a part; the contract's count characters of the content, so they are found by the words that
come with them. A stream sends its sources early, late or again and again: they are told once, at
the end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sidecar.providers.formats.lenient import count, fields, text
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.sink import Facts
from sidecar.values import Citation

MAX_SOURCES = 4096
MAX_SIZE = 4 * 1024 * 1024
"""Characters of them; they wait for the end of the answer."""
_KINDS = ("web", "maps", "retrievedContext", "image")
_MORE = ("webSearchQueries", "imageSearchQueries", "searchEntryPoint", "retrievalQueries")


class _Source(NamedTuple):
    url: str
    title: str | None = None
    text: str | None = None
    date: str | None = None
    words: str | None = None
    """The words of the answer that it bears out."""
    start: int | None = None
    end: int | None = None


class Citations:
    """The sources of one answer, each once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._found: dict[_Source, None] = {}
        self._size = 0

    def of_grounding(self, given: object) -> None:
        """Take `groundingMetadata: {groundingChunks, groundingSupports, …}`."""
        metadata = fields(given)
        for name in _MORE:
            if metadata.get(name):
                self._facts.warn(
                    f"What the provider sent as `{name}` was left out; "
                    "AIResponse has no place for it."
                )
        sources = [_of_chunk(chunk) for chunk in _items(metadata.get("groundingChunks"))]
        borne_out: set[int] = set()
        for support in _items(metadata.get("groundingSupports")):
            segment = fields(fields(support).get("segment"))
            for at in _items(fields(support).get("groundingChunkIndices")):
                place = count(at)
                if place is None or place >= len(sources):
                    continue
                borne_out.add(place)
                if (source := sources[place]) is not None:
                    words, end = text(segment.get("text")), count(segment.get("endIndex"))
                    start = (count(segment.get("startIndex")) or 0) if end is not None else None
                    self._add(source._replace(words=whole(words), start=start, end=end))
        for place, source in enumerate(sources):
            if source is None:
                self._facts.warn("A source without an address was left out.")
            elif place not in borne_out:
                self._add(source)

    def of_citations(self, given: object) -> None:
        """Take `citationMetadata: {citationSources}`; Vertex calls them `citations`."""
        metadata = fields(given)
        for item in _items(metadata.get("citationSources") or metadata.get("citations")):
            source = fields(item)
            url = text(source.get("uri"))
            if url is None:
                self._facts.warn("A source without an address was left out.")
                continue
            end = count(source.get("endIndex"))
            start = (count(source.get("startIndex")) or 0) if end is not None else None
            title, date = _whole(source.get("title")), _date(source.get("publicationDate"))
            self._add(_Source(whole(url) or "", title, None, date, None, start, end))
            if source.get("license"):
                self._facts.warn("The licence of a source was left out.")

    def flush(self, content: str) -> list[Citation]:
        """End of input: the sources, with their places in the content."""
        if not self._found:
            return []
        data = content.encode("utf-8", "replace")
        found = [_placed(source, content, data) for source in self._found]
        self._found.clear()
        return found

    def _add(self, source: _Source) -> None:
        if source in self._found:
            return
        size = sum(len(value) for value in source if isinstance(value, str))
        if len(self._found) >= MAX_SOURCES or self._size + size > MAX_SIZE:
            self._facts.warn(f"The answer has more than {MAX_SOURCES} sources; some were left out.")
            return
        self._found[source] = None
        self._size += size


def _of_chunk(chunk: object) -> _Source | None:
    given = fields(chunk)
    found = next((fields(given[kind]) for kind in _KINDS if given.get(kind)), {})
    url = text(found.get("uri")) or text(found.get("sourceUri"))
    if url is None:
        return None
    return _Source(whole(url) or "", _whole(found.get("title")), _whole(found.get("text")))


def _placed(source: _Source, content: str, data: bytes) -> Citation:
    start, end = _place(source, content, data)
    return Citation(
        url=source.url,
        title=source.title,
        text=source.text,
        date=source.date,
        start_index=start,
        end_index=end,
    )


def _place(source: _Source, content: str, data: bytes) -> tuple[int | None, int | None]:
    start, end, words = source.start, source.end, source.words
    if start is None or end is None or not start <= end <= len(data):
        start = end = None
    elif words is None or data[start:end] == words.encode("utf-8", "replace"):
        before = len(data[:start].decode("utf-8", "replace"))
        return before, before + len(data[start:end].decode("utf-8", "replace"))
    # The indexes count from the beginning of a part that is not the first one.
    found = content.find(words) if words else -1
    return (found, found + len(words)) if words and found >= 0 else (None, None)


def _date(given: object) -> str | None:
    parts = [count(fields(given).get(name)) for name in ("year", "month", "day")]
    return "-".join(f"{part:02}" for part in parts if part) or None


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: object) -> str | None:
    return whole(text(value))

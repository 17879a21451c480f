"""Sources that an answer refers to, in the shapes of this API's annotations."""

from __future__ import annotations

from typing import Any

from sidecar.keys.redaction import scrub
from sidecar.providers.formats.lenient import count, fields, text
from sidecar.providers.formats.openai_chat.wire import as_text
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.sink import Facts
from sidecar.values import Citation

_MAX_WORD = 200
_FILES = ("file_citation", "container_file_citation", "file_path")


class Sources:
    """Gives each source once, since an annotation comes alone and again with its text."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._told: set[Citation] = set()

    def of(self, annotations: list[Any], begins: int) -> list[Citation] | None:
        """Those that are new. `begins`: where in the content the text stands that has them."""
        new = []
        for annotation in annotations:
            citation = self._citation(fields(annotation), begins)
            if citation is not None and citation not in self._told:
                self._told.add(citation)
                new.append(citation)
        return new or None

    def _citation(self, given: dict[str, Any], begins: int) -> Citation | None:
        kind = given.get("type")
        if kind == "url_citation":
            url = _text(given.get("url"))
        elif kind in _FILES:
            # A file in the provider's store has an id and no address.
            file = _text(given.get("file_id"))
            url = f"urn:file:{file}" if file else None
        else:
            name = scrub(as_text(kind), _MAX_WORD)
            self._facts.warn(f"An annotation of type {name!r} is unknown and was left out.")
            return None
        title = _text(given.get("title")) or _text(given.get("filename"))
        if url is None and title is None:
            self._facts.warn("A citation was left out: it names no source.")
            return None
        start, end = count(given.get("start_index")), count(given.get("end_index"))
        if kind == "file_citation":
            start = end = count(given.get("index"))
        return Citation(
            url=url,
            title=title,
            start_index=None if start is None else start + begins,
            end_index=None if end is None else end + begins,
        )


def _text(value: object) -> str | None:
    return whole(text(value))

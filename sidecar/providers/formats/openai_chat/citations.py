"""Sources that an answer refers to, in the shapes of OpenAI, OpenRouter and Perplexity."""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.lenient import count, fields
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.sink import Facts
from sidecar.values import Citation


class Citations:
    """Gives each source once: Perplexity repeats its whole list in every chunk."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._annotated: set[Citation] = set()
        self._told: list[str] = []
        self._unnumbered: dict[str, dict[str, Any]] = {}

    def of_annotations(self, annotations: object) -> list[Citation] | None:
        """`annotations: [{type: "url_citation", url_citation: {url, title, …}}]`."""
        if not isinstance(annotations, list) or not annotations:
            return None
        new = []
        for annotation in annotations:
            if "url_citation" not in fields(annotation):
                continue  # `parts` tells of those
            given = fields(annotation["url_citation"])
            citation = Citation(
                url=_text(given.get("url")),
                title=_text(given.get("title")),
                text=_text(given.get("content")),
                start_index=count(given.get("start_index")),
                end_index=count(given.get("end_index")),
            )
            if not (citation.url or citation.title or citation.text):
                self._facts.warn("A citation was left out: it names no source.")
            elif citation not in self._annotated:
                self._annotated.add(citation)
                new.append(citation)
        return new or None

    def of_answer(self, urls: object, results: object) -> list[Citation] | None:
        """Perplexity's `citations: [url]` and `search_results: [{url, title, snippet, date}]`.

        The answer's text refers to `citations` by number, so a source's place in what is told is
        its place there, also for one that stands in it twice. Hence each place is told once: the
        title of a source that was told bare comes too late. Results that have no number wait for
        `flush`.
        """
        if not urls and not results:
            return None
        known = {
            url: item
            for item in _items(results)
            if isinstance(item, dict) and (url := _url(item)) is not None
        }
        order = [url for item in _items(urls) if (url := _url(item)) is not None]
        if order:
            self._unnumbered = known
        new = self._new(order or list(known))
        self._told += new
        return [_listed(url, known.get(url, {})) for url in new] or None

    def flush(self) -> list[Citation]:
        """End of input: the results that the list of citations did not name."""
        told = set(self._told)
        return [_listed(url, item) for url, item in self._unnumbered.items() if url not in told]

    def _new(self, order: list[str]) -> list[str]:
        told = len(self._told)
        if order[:told] == self._told:
            return order[told:]
        known = set(self._told)  # another list than before: what was told keeps its place
        return [url for url in order if url not in known]


def _listed(url: str, result: dict[str, Any]) -> Citation:
    return Citation(
        url=url,
        title=_text(result.get("title")),
        text=_text(result.get("snippet")),
        date=_text(result.get("date")),
    )


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _url(item: object) -> str | None:
    return _text(item.get("url") if isinstance(item, dict) else item)


def _text(value: object) -> str | None:
    return whole(value) if isinstance(value, str) and value else None

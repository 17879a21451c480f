"""Sources that an answer refers to, in the shapes of OpenAI, OpenRouter and Perplexity."""

from __future__ import annotations

from typing import Any

from sidecar.values import Citation


class Citations:
    """Gives each source once: Perplexity repeats its whole list in every chunk."""

    def __init__(self) -> None:
        self._told: set[Citation] = set()

    def of_annotations(self, annotations: list[Any] | None) -> list[Citation] | None:
        """`annotations: [{type: "url_citation", url_citation: {url, title, …}}]`."""
        if not annotations:
            return None
        found = []
        for annotation in annotations:
            given = annotation.get("url_citation") if isinstance(annotation, dict) else None
            if isinstance(given, dict) and isinstance(given.get("url"), str):
                found.append(
                    Citation(
                        url=given["url"],
                        title=_text(given.get("title")),
                        text=_text(given.get("content")),
                        start_index=_number(given.get("start_index")),
                        end_index=_number(given.get("end_index")),
                    )
                )
        return self._new(found)

    def of_answer(self, urls: list[Any] | None, results: list[Any] | None) -> list[Citation] | None:
        """Perplexity's `citations: [url]` and `search_results: [{url, title, snippet, date}]`.

        The answer's text refers to them by number, so their order is kept.
        """
        if not urls and not results:
            return None
        known = {
            result["url"]: result
            for result in results or ()
            if isinstance(result, dict) and isinstance(result.get("url"), str)
        }
        order = [url for url in urls or () if isinstance(url, str)] or list(known)
        return self._new(
            Citation(
                url=url,
                title=_text(known.get(url, {}).get("title")),
                text=_text(known.get(url, {}).get("snippet")),
                date=_text(known.get(url, {}).get("date")),
            )
            for url in order
        )

    def _new(self, found: Any) -> list[Citation] | None:  # noqa: ANN401 - any iterable of them
        new = []
        for citation in found:
            if citation not in self._told:
                self._told.add(citation)
                new.append(citation)
        return new or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None

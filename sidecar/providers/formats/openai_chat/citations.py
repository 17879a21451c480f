"""Sources that an answer refers to, in the shapes of OpenAI, OpenRouter and Perplexity."""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.openai_chat.surrogates import whole
from sidecar.values import Citation


class Citations:
    """Gives each source once: Perplexity repeats its whole list in every chunk."""

    def __init__(self) -> None:
        self._annotated: set[Citation] = set()
        self._listed: list[Citation] = []

    def of_annotations(self, annotations: object) -> list[Citation] | None:
        """`annotations: [{type: "url_citation", url_citation: {url, title, …}}]`."""
        if not isinstance(annotations, list) or not annotations:
            return None
        new = []
        for annotation in annotations:
            given = annotation.get("url_citation") if isinstance(annotation, dict) else None
            if isinstance(given, dict) and (url := _text(given.get("url"))):
                citation = Citation(
                    url=url,
                    title=_text(given.get("title")),
                    text=_text(given.get("content")),
                    start_index=_number(given.get("start_index")),
                    end_index=_number(given.get("end_index")),
                )
                if citation not in self._annotated:
                    self._annotated.add(citation)
                    new.append(citation)
        return new or None

    def of_answer(self, urls: object, results: object) -> list[Citation] | None:
        """Perplexity's `citations: [url]` and `search_results: [{url, title, snippet, date}]`.

        The answer's text refers to them by number: their order is kept, and so is a source that
        stands in the list twice. One that was told bare is told again when more is known of it.
        """
        if not urls and not results:
            return None
        known = {
            url: item
            for item in _items(results)
            if isinstance(item, dict) and (url := _url(item)) is not None
        }
        order = [url for item in _items(urls) if (url := _url(item)) is not None] or list(known)
        listed = set(order)
        order += [url for url in known if url not in listed]
        now = [_listed(url, known.get(url, {})) for url in order]
        told = self._listed
        if [each.url for each in told] == order[: len(told)]:
            pairs = zip(now, (*told, *[None] * (len(now) - len(told))), strict=True)
            new = [each for each, before in pairs if each != before and _says_more(each, before)]
            self._listed = now if new else told
        else:
            before = set(told)
            new = [each for each in now if each not in before]
            self._listed = told + new
        return new or None


def _listed(url: str, result: dict[str, Any]) -> Citation:
    return Citation(
        url=url,
        title=_text(result.get("title")),
        text=_text(result.get("snippet")),
        date=_text(result.get("date")),
    )


def _says_more(citation: Citation, before: Citation | None) -> bool:
    return before is None or any((citation.title, citation.text, citation.date))


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _url(item: object) -> str | None:
    return _text(item.get("url") if isinstance(item, dict) else item)


def _text(value: object) -> str | None:
    return whole(value) if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None

"""Keeps keys out of all parameters but those that are made for them.

A key that was pasted into a chat, a model's name or a setting must not be stored, shown, or sent
to another provider. Only whole keys are looked for: else it would tell parts of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

import msgspec
from msgspec import Raw

from sidecar.errors import InvalidParams
from sidecar.keys.redaction import KNOWN

SHORTEST_KEY = 20
"""Characters from which on a key can't be taken for a word; `lm-studio` is a key, too."""
_DIGIT = re.compile("[0-9]")
_LONGEST = 10_000
"""Longer runs without a space are pictures, and no key is as long."""
_PARTS = tuple(map(re.compile, (r"""[^"'`<>()\[\]{},;=]+""", r"[\w.\-]+", r"[\w\-]+")))
"""What may stand alone in a run: between quotes or brackets; a word with its dots; one without."""


class Guard:
    """Knows the keys that were read, and of those that were not, whether a word is one."""

    def __init__(
        self, is_unread: Callable[[Iterator[str]], bool], refused: Callable[[], None]
    ) -> None:
        self._is_unread = is_unread
        self._refused = refused

    def refuse_keys(self, params: Raw, but: Collection[str] = ()) -> None:
        """Refuse parameters that have a kept key in them. Raises `InvalidParams` with the path.

        `but`: those that are made for keys. What is no JSON object is not looked at.
        """
        try:
            value = msgspec.json.decode(params)
        except (msgspec.DecodeError, RecursionError):
            return  # whoever decodes it by its type says what is wrong
        if not isinstance(value, dict):
            return
        looked_at = {name: item for name, item in value.items() if name not in but}
        for path, text in _texts(looked_at, "$"):
            if KNOWN.within(text, SHORTEST_KEY) or self._is_unread(_words(text)):
                self._refused()
                raise InvalidParams(
                    "This text has an API key in it that is kept here; it was not used.",
                    path=path,
                    hint="Take the key out. Keys are given by set_api_key, and nowhere else.",
                )


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, and the names in its objects, each with its place."""
    waiting = [(value, path)]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, str):
            if len(value) >= SHORTEST_KEY:
                yield path, value
        elif isinstance(value, dict):
            # A name goes first: below it, it would be quoted in the path.
            waiting += [(item, f"{path}.{name}") for name, item in reversed(value.items())]
            waiting += [(name, path) for name in value]
        elif isinstance(value, list):
            inside = list(enumerate(value))
            waiting += [(item, f"{path}[{index}]") for index, item in reversed(inside)]


def _words(text: str) -> Iterator[str]:
    """Every word that may be a key: alone, between quotes, after `key=`, at a sentence's end.

    One has a digit in it: words of prose, and most of source code, are not looked at further.
    """
    found: set[str] = set()
    for run in set(text.split()):
        if SHORTEST_KEY <= len(run) <= _LONGEST and _DIGIT.search(run):
            parts = {run, *(word for each in _PARTS for word in each.findall(run))}
            found |= parts | {word.rstrip(".,:;!?") for word in parts}
    yield from (word for word in found if len(word) >= SHORTEST_KEY and _DIGIT.search(word))

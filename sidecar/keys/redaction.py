"""Takes secrets out of text. The one place through which everything passes on its way out.

Errors, log lines with their tracebacks, provider headers, audit rows and what the native worker
says pass through `scrub`; a model's own words (content, reasoning, tool calls) never do.

Two nets: the secrets that are known (raw, base64 at any offset, URL- and JSON-escaped), and
whatever is shaped like a key. Providers like to quote a refused key back, in part:
`sk-abc***wxyz` is taken out, too.

What is *not* done, on purpose: taking out parts of known secrets. The front end can have text of
its own quoted back in an error; if a part of a key were replaced there, it could find out the key
piece by piece. Only a whole key is ever compared with, which nobody can guess.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
SHORTEST = 6
"""Characters of the shortest secret that is taken out: a shorter one may be any word."""
_REMEMBERED = 32
_ESCAPED_BY_LETTER = 500
"""Characters of the longest secret that is known with every letter of it escaped."""
_LONGEST_SHAPE = 200
"""Characters that are looked at behind a cut, for a key that it goes through."""

_KEY_SHAPED = re.compile(
    r"""
      \bBearer\s+[^\s"',;]{6,}                            # an Authorization header
    | \bBasic\s+(?=.[a-z]*[A-Z\d+/=])[A-Za-z\d+/]{8,}={0,2}  # a proxy's login, and not a mere word
    | \b(?:sk|pk|rk)[-_][A-Za-z0-9_*.\-]{8,}              # OpenAI, Anthropic, OpenRouter, DeepSeek
    | \b(?:gsk|xai|pplx|csk|fw|tgp|hf|nvapi)[-_][A-Za-z0-9_*.\-]{8,}
    | \b(?:AIza|AQ\.)[A-Za-z0-9_\-]{20,}                  # Google, until 2026 and since
    | \b(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*\d)
      (?:[A-Za-z0-9]{32}|[A-Za-z0-9]{84})\b               # Mistral; Azure
    | \beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*   # a JSON web token
    """,
    re.VERBOSE,
)


_STARRED = re.compile(r"""(?<![^\s"',:;=()])[^\s"',:;=()]*\*{3,}[^\s"',;()]*""")
"""A key with its middle starred out."""


class KnownSecrets:
    """Every secret that lives in this process, and the last ones that did.

    Any thread may call it, and so may the garbage collector in the middle of a call. It takes no
    lock: each change is one operation of a dict or a deque, and what was put together meanwhile is
    put together anew.
    """

    def __init__(self) -> None:
        self._living: dict[object, _Known] = {}
        self._remembered: deque[_Known] = deque(maxlen=_REMEMBERED)
        self._version = object()
        self._together: tuple[object, tuple[str, ...]] = (self._version, ())

    def add(self, secret: str) -> Callable[[], None]:
        """A secret has come into being. Returns what is to be called when it is gone."""
        if len(secret) < SHORTEST:
            return lambda: None
        holder = object()
        self._living[holder] = _Known(secret, frozenset(_forms(secret)))
        self._version = object()
        return lambda: self._release(holder)

    def within(self, text: str, shortest: int) -> bool:
        """True where `text`, which may be JSON, has in it a living secret of so many characters."""
        if len(text) < shortest:
            return False
        return any(
            len(each.secret) >= shortest
            and (each.secret in text or _is_escaped_in(text, each.secret))
            for each in list(self._living.values())
        )

    def replaced(self, text: str) -> str:
        """Return `text` without any of them."""
        for form in self._all_forms():
            if form in text:
                text = text.replace(form, MARK)
        return text

    def _all_forms(self) -> tuple[str, ...]:
        version, forms = self._together
        if version is not self._version:
            version = self._version  # before it looks: what comes after that makes it old again
            known = [*list(self._living.values()), *list(self._remembered)]
            # The longest first: a form may be the beginning of another.
            forms = tuple(sorted({form for each in known for form in each.forms}, key=_shorter))
            self._together = (version, forms)
        return forms

    def _release(self, holder: object) -> None:
        # It stays known for a while: what quotes it may be on its way.
        self._remembered.append(self._living.pop(holder))
        self._version = object()


class _Known(NamedTuple):
    """A secret, and what it looks like in every usual escaping."""

    secret: str
    forms: frozenset[str]


def _shorter(form: str) -> int:
    return -len(form)


def _is_escaped_in(text: str, secret: str) -> bool:
    return ('"' in secret or "\\" in secret) and json.dumps(secret)[1:-1] in text


KNOWN = KnownSecrets()


def without_secrets(text: str) -> str:
    """Return `text` without any known secret, also with its middle starred out.

    For names, in which anything else that is shaped like a key may be chance.
    """
    return _STARRED.sub(MARK, KNOWN.replaced(text))


def scrub(text: str, limit: int | None = None) -> str:
    """Return `text` without any known secret, in any usual escaping, and without key shapes.

    With `limit` it is cut to so many characters, after the secrets are out: a cut through one
    would leave its beginning.
    """
    text = without_secrets(text)
    if limit is None:
        return _KEY_SHAPED.sub(MARK, text)
    return _KEY_SHAPED.sub(MARK, text[: limit + _LONGEST_SHAPE])[:limit]


def _forms(secret: str) -> Iterator[str]:
    yield secret
    escaped = json.dumps(secret)[1:-1]
    yield from (escaped, escaped.replace("/", "\\/"), json.dumps(escaped)[1:-1])
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield from _literals(secret)
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    yield from (html.escape(secret), html.escape(secret, quote=False))
    yield html.escape(secret).replace("&#x27;", "&#39;")
    if len(secret) <= _ESCAPED_BY_LETTER:
        yield from ("".join(each.format(ord(letter)) for letter in secret) for each in _LETTERS)
    raw = secret.encode("utf-8", "surrogatepass")
    yield from (raw.hex(), raw.hex().upper())
    for offset in range(3):
        core = _base64_core(raw, offset)
        yield from (core, core.replace("+", "-").replace("/", "_"))


_LETTERS = ("\\u{:04x}", "\\u{:04X}", "%{:02x}", "%{:02X}", "&#{};", "&#x{:x};")
"""How every letter may be escaped, though none has to be."""


def _literals(secret: str) -> Iterator[str]:
    """As Python writes it, for logs that show bytes: a quote is escaped where both kinds stand."""
    plain = secret.replace("\\", "\\\\")
    yield from (plain, plain.replace("'", "\\'"))


def _base64_core(raw: bytes, offset: int) -> str:
    """What the base64 of any text holds that has `raw` in it, `offset` bytes past a multiple of 3.

    The characters at both ends depend on the neighbours and are left out.
    """
    text = base64.b64encode(bytes(offset) + raw).decode()
    begin = (0, 2, 3)[offset]
    whole = (offset + len(raw)) * 8 // 6
    return text[begin:whole]

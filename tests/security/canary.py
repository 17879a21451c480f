"""Canaries: keys that exist for nothing but to be found where no key may be.

A hidden one is never sent by the attackers: any of it, anywhere, is a leak. One that the front end
knows is sent by it in every escaping; quoted back to it as it came, that tells it nothing, so only
its readable forms count, which the sidecar's guard refuses wherever no key belongs.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, quote_plus

PART = 10
"""Characters of a hidden key that no word has by chance."""
READABLE = ("raw", "JSON-escaped", "a Python literal")


@dataclass(frozen=True)
class Canary:
    """One key. `lies_in` says where it was put."""

    lies_in: str
    value: str = field(repr=False)
    known_to_front_end: bool = False

    @cached_property
    def forms(self) -> dict[str, bytes]:
        """Every escaping that is looked for, in small letters, by its name."""
        return {name: form.lower().encode() for name, form in _forms(self.value)}

    @cached_property
    def _distinct(self) -> dict[bytes, str]:
        """The forms, without those that are like another one."""
        return {form: name for name, form in reversed(self.forms.items())}

    @cached_property
    def _readable(self) -> dict[bytes, str]:
        return {self.forms[name]: name for name in reversed(READABLE)}

    @cached_property
    def parts(self) -> tuple[bytes, ...]:
        """Every piece of `PART` characters, in small letters."""
        text = self.value.lower().encode()
        return tuple(text[at : at + PART] for at in range(len(text) - PART + 1))

    @cached_property
    def _marks(self) -> tuple[bytes, ...]:
        """Pieces one of which lies in each part: fewer to look for, where there is none."""
        text, step = self.value.lower().encode(), PART // 2
        return tuple(text[at : at + step] for at in range(0, len(text) - step + 1, step))

    def found_in(self, data: bytes, *, parts: bool, all_forms: bool = True) -> tuple[str, int]:
        """Name the form in which it stands in `data`, and where; "" where it does not.

        `data` is in small letters: capital and small ones are the same here.
        """
        readable_only = self.known_to_front_end and not all_forms
        for form, name in (self._readable if readable_only else self._distinct).items():
            if (at := data.find(form)) >= 0:
                return name, at
        if parts and not self.known_to_front_end and any(mark in data for mark in self._marks):
            for part in self.parts:
                if (at := data.find(part)) >= 0:
                    return "a part of it", at
        return "", -1


def _forms(value: str) -> Iterator[tuple[str, str]]:
    raw = value.encode()
    yield "raw", value
    yield "JSON-escaped", json.dumps(value)[1:-1]
    yield "JSON in JSON", json.dumps(json.dumps(value)[1:-1])[1:-1]
    yield "a Python literal", repr(value)[1:-1]
    yield "a Python literal of bytes", repr(f"\"'{value}")[4:-1]  # beside both quotes
    yield "URL-escaped", quote(value, safe="")
    yield "URL-escaped but for slashes", quote(value)
    yield "in a query", quote_plus(value)
    yield "hex", raw.hex()
    yield "URL-escaped to the last letter", "".join(f"%{byte:02x}" for byte in raw)
    yield "JSON-escaped to the last letter", "".join(f"\\u{ord(each):04x}" for each in value)
    yield "HTML-escaped", html.escape(value)
    yield "with its middle starred out", f"{value[:7]}***{value[-4:]}"
    for offset in range(3):
        inside = _inside_base64(raw, offset)
        yield f"base64 at offset {offset}", inside
        yield f"base64url at offset {offset}", inside.replace("+", "-").replace("/", "_")


def _inside_base64(raw: bytes, offset: int) -> str:
    """What base64 has of these bytes alone, wherever they stand in a text."""
    first = -offset % 3  # bytes up to the next multiple of three
    whole = raw[first : first + (len(raw) - first) // 3 * 3]
    return base64.b64encode(whole).decode()


# Of different shapes: one that no pattern of vendors' keys would take for a key, one of OpenAI's
# shape, and one of letters and digits alone.
HIDDEN = Canary("the store under attack", "cNry/Hid+7'den\"Q=w\\e9Zr&t%Y4")
SHAPED = Canary("the environment", "sk-cnry-Zx81LmQp04RtVw77KsDf29BhJ3")
PASTED = Canary("memory", "cNryPasted5Gh2Tb8Wq1Ex6Mz0Lr4Vn9Oc", known_to_front_end=True)
PASSWORD = Canary("the user's head", "cNry horse~battery 41 staple")
ALL = (HIDDEN, SHAPED, PASTED, PASSWORD)

"""Bytes in, events out: server-sent events, and JSON lines. Pure: no IO, no clock.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream:

* Lines end with LF, CR LF or CR, and with nothing else (httpx's `aiter_lines` also splits at
  U+2028 and U+0085, which tears JSON apart). Data stays bytes until it is whole.
* `data:` lines of one event are joined by LF; one space after the colon is taken off; lines that
  start with a colon are comments (heartbeats); `id` and `retry` mean nothing here.
* An event ends at an empty line. What stands at the end of input without one is delivered too,
  unlike the standard: some servers forget it, and whether it is whole its decoder will see.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sidecar.errors import InvalidResponse

MAX_EVENT = 8 * 1024 * 1024
_PLACE = 16
_FIELDS = (b"data", b"event", b":", b"id:", b"retry", b"error")


class Event(NamedTuple):
    """One event: its name (`""` where it has none) and its data."""

    event: str
    data: bytes


class Splitter(Protocol):
    """Cuts a byte stream into events. Raises `InvalidResponse` for one that is too large."""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete."""

    def close(self) -> list[Event]:
        """End of input: return what is there without its end, if anything is."""


class LineSplitter:
    """Newline-delimited JSON: each line is an event without a name; empty ones are none."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the lines that they complete."""
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > self._limit:
            raise _too_large(self._limit)
        return [Event("", line.strip()) for line in lines if line.strip()]

    def close(self) -> list[Event]:
        """End of input: a last line needs no line feed."""
        rest = bytes(self._rest).strip()
        self._rest.clear()
        return [Event("", rest)] if rest else []


class SseDecoder:
    """Splits a byte stream into events of at most `limit` bytes."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._after_cr = False
        self._at_start = True
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete.

        Raises `InvalidResponse` for an event larger than `limit`.
        """
        if b"\r" in data or self._after_cr:
            data = self._without_cr(data)
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += rest
        events: list[Event] = []
        for line in lines:
            self._line(line, events)
        if self._size + len(self._rest) > self._limit:
            raise _too_large(self._limit)
        return events

    def close(self) -> list[Event]:
        """End of input: return the event that has no empty line behind it, if there is one."""
        events: list[Event] = []
        if self._rest:
            self._line(bytes(self._rest), events)
            self._rest.clear()
        self._line(b"", events)
        return events

    def _without_cr(self, data: bytes) -> bytes:
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                events.append(Event(self._name, data))
                self._data.clear()
                self._size = 0
            self._name = ""
        elif line.startswith(b"data:"):
            self._add(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._name = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"error:"):
            # llama.cpp's server once put its errors into a field of this name.
            self._name = "error"
            self._add(line[6:].strip())
        elif line == b"data":
            self._add(b"")  # a field without a colon has an empty value

    def _add(self, value: bytes) -> None:
        self._data.append(value)
        # An empty line of data costs its place in the list all the same.
        self._size += len(value) + _PLACE


def are_events(start: bytes, *, declared: bool, ended: bool = False) -> bool | None:
    """Tell events from a whole answer by how a body starts; None where that is too little.

    Some servers stream under another content type, some do not stream at all, and some send an
    error or a page of HTML as `text/event-stream`.
    """
    found = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if found.startswith((b"{", b"[", b"<")):
        return False
    if found.startswith(_FIELDS):
        return True
    if not ended and any(field.startswith(found) for field in _FIELDS):
        return None
    return declared and bool(found)


def _too_large(limit: int) -> InvalidResponse:
    return InvalidResponse(f"The provider sent an event of more than {limit} bytes.")

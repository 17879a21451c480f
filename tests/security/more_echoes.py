"""More answers that give a key back: in the corners of HTTP, half starred out, and in pieces."""

from __future__ import annotations

import html
import json
from itertools import count
from urllib.parse import quote

from tests.providers.raw_server import chunked_head, chunks, head
from tests.security.echoes import (
    Case,
    completion,
    delta,
    error,
    events,
    quotes,
    whole,
)

PIECE = 4
"""Characters of a piece: too few for anything to know it by."""
_turn = count()


def every_letter(key: str) -> str:
    """The key with each of its letters escaped, which a reader of URLs or of JSON undoes."""
    raw = key.encode()
    return " ".join(
        [
            "".join(f"%{byte:02x}" for byte in raw),
            "".join(f"%{byte:02X}" for byte in raw),
            "".join(f"\\u{byte:04x}" for byte in raw),
            "".join(f"\\u{byte:04X}" for byte in raw),
        ]
    )


def starred(key: str) -> str:
    """The key as providers show it to whom they refuse it."""
    short = f"{key[:7]}***{key[-4:]}"
    return f"{short} ({short}) key={short}, Bearer {short}; “{short}”: {short}."


def pieces(key: str) -> list[str]:
    """The key, cut."""
    return [key[at : at + PIECE] for at in range(0, len(key), PIECE)]


def _in_trailers(body: bytes, *trailers: str, **headers: str) -> bytes:
    last = "".join(f"{each}\r\n" for each in trailers).encode()
    return chunked_head(**headers) + chunks([body]).removesuffix(b"\r\n") + last + b"\r\n"


def _with_status(line: str, body: bytes = b"{}", **headers: str) -> bytes:
    return whole(body, line, **headers)


def _as(content_type: str, body: bytes, status: str = "200 OK") -> bytes:
    return head(status, content_type, content_length=str(len(body))) + body


def _hint_before(key: str, answer: bytes) -> bytes:
    link = f"HTTP/1.1 103 Early Hints\r\nlink: <{quote(key)}>; {quotes(key)}\r\n\r\n"
    return link.encode() + answer


def _models(*texts: str) -> bytes:
    rows = [
        {"id": f"{each} {number}", "name": each, "owned_by": each, "capabilities": [each]}
        for number, each in enumerate(texts)
    ]
    return whole(json.dumps({"data": rows}).encode())


def _next_piece(key: str) -> bytes:
    """Each answer has the next piece, in every place at once."""
    cut = pieces(key) or [""]
    piece = cut[next(_turn) % len(cut)]
    fault = {"message": piece, "code": piece, "type": piece, "param": piece}
    return error(429, {"error": fault}, x_request_id=piece, retry_after=piece)


def _all_pieces(key: str) -> bytes:
    """One answer has all of them, a piece in each place that an error is put together from."""
    one, two, three, *rest = [*pieces(key), "", "", ""]
    fault = {"message": one, "detail": two, "msg": three, "failed_generation": "".join(rest)}
    headers = b"".join(f"x-request-id: {each}\r\n".encode() for each in pieces(key))
    answer = error(400, {"error": fault | {"metadata": {"raw": rest}}})
    return answer.replace(b"\r\n", b"\r\n" + headers, 1)


CORNERS: dict[str, Case] = {
    "reason": lambda key, _: _with_status(f"400 {quotes(key)}"),
    "reason-of-a-redirect": lambda key, _: _with_status(f"302 {quotes(key)}", location=quotes(key)),
    "reason-200": lambda key, _: _with_status(f"200 {quotes(key)}", completion()),
    "location-broken": lambda key, _: _with_status("307 No", location=f"http://[{key}"),
    "location-with-user": lambda key, there: _with_status(
        "308 No", location=there.replace("//", f"//{quote(key, safe='')}@")
    ),
    "location-201": lambda key, _: _with_status("201 Made", completion(), location=quotes(key)),
    "content-type": lambda key, _: _as(quotes(key), completion()),
    "content-type-of-an-error": lambda key, _: _as(quotes(key), b"{}", "400 No"),
    "content-type-of-events": lambda key, _: _as(
        f"text/event-stream; charset={quotes(key)}", b"data: {\n\n"
    ),
    "charset": lambda key, _: _as(f'text/html; charset="{key}"', b"\xff<html>", "502 No"),
    "disposition": lambda key, _: _with_status(
        "400 No", content_disposition=f"attachment; filename={quotes(key)}"
    ),
    "early-hints": lambda key, _: _hint_before(key, whole(completion())),
    "early-hints-of-an-error": lambda key, _: _hint_before(key, error(400, {})),
    "trailers": lambda key, _: _in_trailers(
        b'data: {"choices":[]}\n\n', f"x-request-id: {quotes(key)}", f"x-error: {key}"
    ),
    "trailers-of-an-error": lambda key, _: _in_trailers(
        b"{}", f"request-id: {quotes(key)}"
    ).replace(b"200 OK", b"400 No"),
    "not-a-trailer": lambda key, _: _in_trailers(completion(), key, f" {quotes(key)}"),
    "header-names": lambda key, _: error(400, {}, **{quote(key, safe="").replace("%", "-"): key}),
    "error-in-names": lambda key, _: error(401, {"error": {quotes(key): {quotes(key): key}}}),
    "error-in-names-of-events": lambda key, _: events({"error": {quotes(key): quotes(key)}}),
    "error-event-as-json": lambda key, _: events(
        delta(content="o"),
        end=f"event: error\ndata: {json.dumps({'error': {'message': quotes(key)}})}\n\n".encode(),
    ),
    "error-field": lambda key, _: events(end=f"error: {quotes(key)}\n\n".encode()),
    "event-names": lambda key, _: events(
        end=f"event: {quotes(key)}\nid: {key}\nretry: {key}\n: {key}\ndata: {{\n\n".encode()
    ),
}  # fmt: skip
"""Whole keys, in places where nobody looks for one."""

EVERY_LETTER: dict[str, Case] = {
    "every-letter": lambda key, _: error(
        400, {"error": {"message": every_letter(key), "code": every_letter(key)}},
        x_request_id=every_letter(key), retry_after=every_letter(key),
    ),
    "every-letter-unread": lambda key, _: whole(f'{{"a": "{every_letter(key)}"'.encode(), "400 No"),
    "every-letter-in-names": lambda key, _: error(400, {every_letter(key): 1}),
    "every-letter-in-a-title": lambda key, _: whole(
        f"<html><title>{every_letter(key)}</title></html>".encode(), "502 Bad Gateway"
    ),
    "every-letter-in-events": lambda key, _: events(delta(content="o"), f"{{{every_letter(key)}"),
    "every-letter-of-models": lambda key, _: _models(every_letter(key)),
}  # fmt: skip
"""Escapings that no program makes of itself, and any can undo."""

IN_HTML: dict[str, Case] = {
    "html-error": lambda key, _: error(400, {"error": {"message": html.escape(key), "code": key}}),
    "html-page": lambda key, _: whole(
        f"<html><title>Bad {html.escape(key)}</title></html>".encode(), "502 Bad Gateway"
    ),
}
"""As a page of a proxy shows it. Only keys with other signs than letters and digits change."""

STARRED: dict[str, Case] = {
    "starred-error": lambda key, _: error(
        401, {"error": {"message": f"Incorrect key {starred(key)}", "code": starred(key)}},
        x_request_id=starred(key), retry_after=starred(key),
    ),
    "starred-names": lambda key, _: error(401, {starred(key): {starred(key): 1}}),
    "starred-page": lambda key, _: whole(
        f"<html><title>{starred(key)}</title></html>".encode(), f"502 {starred(key)}"
    ),
    "starred-event": lambda key, _: events(
        delta(content="o"), end=f"event: error\ndata: {starred(key)}\n\n".encode()
    ),
    "starred-headers": lambda key, _: whole(completion(), x_request_id=starred(key)),
    "starred-finish": lambda key, _: completion().replace(
        b'"stop"', json.dumps(starred(key)).encode()
    ),
}  # fmt: skip
"""Half of a key, where only errors and headers have it: a name may have stars of its own."""

STARRED_NAMES: dict[str, Case] = {
    "starred-models": lambda key, _: _models(starred(key), starred(key).split(" ", maxsplit=1)[0]),
    "starred-facts": lambda key, _: whole(completion(id=starred(key), model=starred(key))),
}
"""The same in names of models and answers."""

PIECES: dict[str, Case] = {
    "a-piece-each": lambda key, _: _next_piece(key),
    "all-pieces": lambda key, _: _all_pieces(key),
    "pieces-of-a-body": lambda key, _: (
        chunked_head().replace(b"200 OK", b"400 No") + chunks(each.encode() for each in pieces(key))
    ),
    "pieces-of-lines": lambda key, _: events(
        end="".join(["event: error\n", *(f"data: {each}\n" for each in pieces(key)), "\n"]).encode()
    ),
    "pieces-of-events": lambda key, _: events(
        *({"id": each, "model": each, "choices": []} for each in pieces(key)),
        {"error": key[:PIECE]},
    ),
    "pieces-of-models": lambda key, _: whole(
        json.dumps({"data": [{"id": each, "owned_by": each} for each in pieces(key)]}).encode()
    ),
}
"""A key that is nowhere whole, until somebody joins its pieces."""

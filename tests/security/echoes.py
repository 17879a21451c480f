"""Answers that give a key back, in every place and every escaping there is.

The threat: what the provider that a key is for answers (an error that quotes the key, a proxy's
error page that shows the whole request) goes on to the front end, to logs and to files. Words of
the model are the exception: they pass as they are. The key in pieces and half starred out are in
broken_echoes.py.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

from tests.providers.raw_server import chunked_head, head

Case = Callable[[str, str], bytes]
"""The answer to a key, and the URL of a server elsewhere."""
STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 413, 418, 422, 429, 451, 500, 502, 503, 524)
REDIRECTS = (301, 302, 303, 307, 308)


def quotes(key: str, *, starred: bool = True) -> str:
    """The key in every escaping. `starred`: with its middle starred out, too."""
    raw = key.encode()
    return " ".join(
        [
            key,
            f"Bearer {key}",
            *(base64.b64encode(before + raw).decode() for before in (b"", b"user:", b'{"key":"')),
            *(base64.urlsafe_b64encode(before + raw + b'"}').decode() for before in (b"", b"x")),
            base64.b64encode(b"ab" + raw + b":password").decode(),
            quote(key, safe=""),
            quote(key),
            quote_plus(key),
            re.sub("%..", lambda found: found[0].lower(), quote(key, safe="")),
            json.dumps(key),
            json.dumps(json.dumps(key)),
            raw.hex(),
            raw.hex().upper(),
            f"{key[:7]}***{key[-4:]}" if starred else "",
            f"({key})",
        ]
    )


def names(key: str) -> str:
    """The key in the escapings that are taken out of names: there stars may be part of a name."""
    return quotes(key, starred=False)


def whole(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An answer with its length."""
    length = str(len(body))
    return head(status, "application/json", content_length=length, **headers) + body


def error(status: int, value: object, **headers: str) -> bytes:
    """An error as JSON."""
    return whole(json.dumps(value).encode(), f"{status} Refused", **headers)


def completion(content: str = "ok", **fields: object) -> bytes:
    """A whole answer."""
    choice = {"index": 0, "message": {"content": content}, "finish_reason": "stop"}
    return json.dumps({"id": "r1", "model": "m", "choices": [choice], **fields}).encode()


def events(*values: object, end: bytes = b"data: [DONE]\n\n", **headers: str) -> bytes:
    """A stream of events, which ends by closing the connection."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    body = b"".join(f"data: {text}\n\n".encode() for text in texts)
    return head(**headers) + body + end


def delta(finish_reason: str | None = None, **fields: object) -> dict[str, Any]:
    """One event of a stream."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


def said_as_content(key: str, _elsewhere: str) -> bytes:
    """Answer with the key as the model's own words."""
    return completion(f"You sent: {key}")


def _headers(key: str) -> dict[str, str]:
    text = quotes(key)
    names = ("x_request_id", "request_id", "cf_ray", "retry_after", "retry_after_ms", "server",
             "www_authenticate", "set_cookie", "x_ratelimit_reset", "date", "warning")  # fmt: skip
    return dict.fromkeys(names, text)


def _refused(status: int, key: str, _elsewhere: str) -> bytes:
    raw = json.dumps({"key": key})
    fault = {"message": f"Wrong key: {quotes(key)}", "code": key, "type": quotes(key), "param": key}
    return error(status, {"error": fault | {"metadata": {"raw": raw}}}, **_headers(key))


def _redirected(status: int, key: str, elsewhere: str) -> bytes:
    location = f"{elsewhere}/v1/models?key={quote(key)}"
    return error(status, {"message": quotes(key)}, location=location)


def _page(key: str) -> bytes:
    text = quotes(key)
    page = f"<!DOCTYPE html><html><title>Bad {text}</title><body><pre>{text}</pre></body></html>"
    return page.encode()


CASES: dict[str, Case] = {
    "as-content": said_as_content,
    **{f"status-{status}": partial(_refused, status) for status in STATUSES},
    **{
        f"redirect-{status}": partial(_redirected, status)
        for status in REDIRECTS
    },
    "error-text": lambda key, _: error(400, {"error": quotes(key)}),
    "error-detail": lambda key, _: error(422, {"detail": [{"msg": quotes(key), "loc": [key]}]}),
    "error-list": lambda key, _: error(400, [{"error": {"message": quotes(key), "status": key}}]),
    "error-names": lambda key, _: error(400, {quotes(key): {key: 1}}),
    "error-long": lambda key, _: error(400, {"message": f"{key} " * 3000}),
    "error-plain": lambda key, _: whole(f"{key} ".encode() * 3000, "500 No"),
    "error-padded": lambda key, _: whole(b" x" * 990 + quotes(key).encode(), "500 No"),
    "error-page": lambda key, _: whole(_page(key), "502 Bad Gateway"),
    "error-empty": lambda key, _: whole(b"", f"401 {key}", **_headers(key)),
    "error-binary": lambda key, _: whole(b"\xff\x00" + key.encode(), "403 No"),
    "page-200": lambda key, _: whole(_page(key)),
    "text-200": lambda key, _: whole(quotes(key).encode()),
    "not-http": lambda key, _: f"{key}\r\n{quotes(key)}\r\n\r\n".encode(),
    "not-a-status": lambda key, _: f"HTTP/1.1 {key}\r\nx: {key}\r\n\r\n".encode(),
    "not-a-header": lambda key, _: f"HTTP/1.1 200 OK\r\n{key}\r\n {key}: 1\r\n\r\n".encode(),
    "not-a-length": lambda key, _: f"HTTP/1.1 200 OK\r\ncontent-length: {key}\r\n\r\n".encode(),
    "not-a-chunk": lambda key, _: chunked_head() + f"{key}\r\n{quotes(key)}\r\n".encode(),
    "not-a-coding": lambda key, _: f"HTTP/1.1 200 OK\r\ntransfer-encoding: {key}\r\n\r\n".encode(),
    "not-packed": lambda key, _: whole(key.encode(), content_encoding=key),
    "not-gzip": lambda key, _: whole(quotes(key).encode(), content_encoding="gzip"),
    "cut-short": lambda key, _: whole(quotes(key).encode())[:-9],
    "headers-200": lambda key, _: whole(completion(), **_headers(key)),
    "facts": lambda key, _: completion(
        id=names(key), model=names(key), object=key, system_fingerprint=key,
        usage={"prompt_tokens": key, "completion_tokens": quotes(key), "total_tokens": {key: key},
               "cost": key, key: key},
        images=[key], related_questions=[quotes(key)], service_tier=key,
    ),
    "facts-in-stream": lambda key, _: events(
        {"id": names(key), "model": names(key), **delta(content="ok")},
        {"x_groq": {"id": key}, **delta(finish_reason=quotes(key))},
        {"choices": [], "usage": {"prompt_tokens": key, "completion_tokens": key}},
        x_request_id=quotes(key),
    ),
    "finish-reason": lambda key, _: completion().replace(b'"stop"', json.dumps(key).encode()),
    "parts": lambda key, _: completion(choices=[
        {"index": key, "finish_reason": "stop", "message": {"content": [
            {"type": quotes(key), key: key}, {"type": "text", "text": "ok"}], "images": [key]}}]),
    "model-text": lambda key, _: events(
        delta(content=key), delta(reasoning_content=key), delta(refusal=key),
        delta(tool_calls=[{"index": 0, "id": key, "function": {"name": key, "arguments": key}}]),
        delta(annotations=[{"url_citation": {"url": key, "title": key, "content": key}}]),
        {"citations": [key], "search_results": [{"url": f"{key}2", "title": key}],
         **delta(content=quotes(key))},
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": key}]}}]},
        delta(finish_reason="tool_calls"),
    ),
    "split": lambda key, _: events(
        *(delta(content=key[at : at + 3]) for at in range(0, len(key), 3)), delta("stop")
    ),
    "error-in-stream": lambda key, _: events(
        delta(content="o"), {"error": {"message": quotes(key), "code": key, "type": key}}
    ),
    "error-event": lambda key, _: events(
        delta(content="o"), end=f"event: error\ndata: {quotes(key)}\n\n".encode()
    ),
    "error-in-choice": lambda key, _: events(
        {"choices": [{"index": 0, "delta": {"content": "o"}, "error": {"message": quotes(key)}}]}
    ),
    "garbage-in-stream": lambda key, _: events(delta(content="o"), f"{{{quotes(key)}"),
    "garbage-after": lambda key, _: events(delta("stop", content="o"), f"{{{quotes(key)}"),
    "odd-types": lambda key, _: events({"choices": key, "id": [key], "model": {key: key}}),
    "truncated": lambda key, _: events(delta(content="o"), {"id": key, "model": key}, end=b""),
    "cut-event": lambda key, _: events(delta(content="o"), end=f'data: {{"id":"{key}'.encode()),
    "models": lambda key, _: whole(json.dumps({"data": [
        {"id": f"{each} {n}", "owned_by": each, "name": each, "display_name": f"{each}!",
         "capabilities": [each], "context_window": each, "created": each}
        for n, each in enumerate([key, names(key)])]}).encode()),
    "models-odd": lambda key, _: whole(json.dumps({"data": key, "object": quotes(key)}).encode()),
    "models-no-id": lambda key, _: whole(json.dumps({"data": [{"name": quotes(key)}]}).encode()),
    "models-error": lambda key, _: whole(json.dumps({"error": {"message": quotes(key)}}).encode()),
}  # fmt: skip

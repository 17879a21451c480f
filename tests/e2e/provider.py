"""A provider on this machine that says what a test tells it to, when it is told to."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.conditions import LIMIT_S
from tests.providers.raw_server import Connection, RawServer, chunk, chunked_head, serving

MODELS = ("quick-1", "quick-1-mini", "thoughtful-2")
_JSON = "application/json"


class Provider:
    """Speaks OpenAI's API. A stream says what `say` gives it, and ends at `finish`."""

    def __init__(self) -> None:
        self.server: RawServer
        self.streams: queue.Queue[Connection] = queue.Queue()
        """The connections that streams are sent on, as they begin."""
        self._words: queue.Queue[str | None] = queue.Queue()
        self.refuses: tuple[str, str] | None = None
        """A status and a reason, to answer requests with."""

    def config(self, name: str = "loop", **fields: str) -> str:
        """Its part of a config.toml."""
        row = {"format": "openai_chat", "display_name": "Loopback", "base_url": self.server.url}
        if name == "openai":
            row = {"base_url": self.server.url}
        lines = [f"{key} = {json.dumps(value)}" for key, value in (row | fields).items()]
        return "\n".join([f"[providers.{name}]", *lines, ""])

    def say(self, *pieces: str) -> None:
        """Send pieces, each as an event of its own."""
        for piece in pieces:
            self._words.put(piece)

    def finish(self) -> None:
        """End the stream as it should."""
        self._words.put(None)

    def asked(self) -> list[bytes]:
        """The requests for answers."""
        return [each for each in self.server.requests if each.startswith(b"POST")]

    def serve(self, connection: Connection) -> None:
        """Answer one request."""
        if self.refuses:
            status, reason = self.refuses
            body = json.dumps({"error": {"message": reason}}).encode()
            connection.answer(body, status=status, content_type=_JSON)
        elif self.server.requests[-1].startswith(b"GET"):
            models = [{"id": name, "object": "model"} for name in MODELS]
            body = json.dumps({"object": "list", "data": models}).encode()
            connection.answer(body, content_type=_JSON)
        else:
            connection.send(chunked_head())
            self.streams.put(connection)
            self._speak(connection)

    def _speak(self, connection: Connection) -> None:
        while (word := self._words.get(timeout=LIMIT_S)) is not None:
            if word == HANG:
                connection.hang()
                return
            connection.send(_event({"delta": {"content": word}}))
        usage = {"prompt_tokens": 7, "completion_tokens": 42, "total_tokens": 49}
        connection.send(_event({"delta": {}, "finish_reason": "stop"}, usage=usage))
        connection.send(chunk(b"data: [DONE]\n\n"), b"0\r\n\r\n")

    def release(self) -> None:
        """Let a stream that waits for words end."""
        with suppress(queue.Full):
            self._words.put_nowait(None)


HANG = "\0hang"
"""A word after which nothing comes until the peer closes, which the connection notes."""


@contextmanager
def providing() -> Iterator[Provider]:
    """Provide, on a free port."""
    provider = Provider()
    with serving(provider.serve) as server:
        provider.server = server
        try:
            yield provider
        finally:
            provider.release()


def _event(choice: dict[str, object], **more: object) -> bytes:
    event = {"id": "c1", "model": "quick-1", "choices": [{"index": 0, **choice}], **more}
    return chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

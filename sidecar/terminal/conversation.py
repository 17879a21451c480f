"""One conversation with one model: what was said, and the way of a question through the sidecar."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from sidecar.terminal.hints import hint_of
from sidecar.terminal.peer import Interrupted, Json, Peer
from sidecar.terminal.screen import Screen

_CUT_SHORT = {
    "length": "(cut short: the limit of tokens is reached)",
    "content_filter": "(held back by the provider's content filter)",
    "tool_calls": "(the model called tools; there are none here)",
}
_INVALID_PARAMS = -32602
_ON_THIS_MACHINE = ("local", "scripted")
"""Formats whose models are known without asking anybody."""


class Refused(Exception):
    """The sidecar answered with an error."""

    def __init__(self, error: Json) -> None:
        data: Json = error.get("data") or {}
        self.message = str(error.get("message", "unknown error"))
        self.hint = hint_of(error)
        if (error.get("code"), data.get("path")) == (_INVALID_PARAMS, "$.request.model"):
            self.hint = "Name one with --model NAME."  # what an app does, a person here can't
        super().__init__(self.message)


@dataclass(slots=True)
class _Turn:
    """A question under way."""

    request: int
    execution: str
    pressed: bool = False
    stopped: bool = False
    citations: list[Json] = field(default_factory=list)


class Conversation:
    """Asks one question after the other, each with all that was said before."""

    def __init__(self, peer: Peer, screen: Screen, provider: str | None, model: str | None) -> None:
        self._peer = peer
        self._screen = screen
        self._wanted = model
        self._messages: list[Json] = []
        self._numbers = itertools.count(1)
        self.problems: list[str] = self._result("initialize")["problems"]
        active = self._result("get_active_provider")
        self.provider: str = provider.lower() if provider else active["provider"]
        self.model: str | None = model or self._default_model(active)

    @property
    def name(self) -> str:
        """Provider and, where it is known, model."""
        return f"{self.provider}/{self.model}" if self.model else self.provider

    @property
    def is_demo(self) -> bool:
        """True where the bundled demo model answers."""
        return (self.provider, self.model) == ("local", "demo")

    def forget(self) -> None:
        """Start over."""
        self._messages.clear()

    def ask(self, question: str) -> bool:
        """Stream one answer to the screen; False where it was stopped. Raises `Refused`.

        A question that failed, or was stopped before a word came, is as if it was never asked.
        """
        asked: Json = {"role": "user", "content": question}
        turn = self._send([*self._messages, asked])
        with self._stopping(turn):
            end = self._follow(turn)
        self._screen.end_answer()
        if error := end.get("error"):
            raise Refused(error)
        message = end["response"]["message"]
        if message.get("content"):
            self._messages += [asked, message]
        self._tell_about(end, turn)
        return not turn.stopped

    def _send(self, messages: list[Json]) -> _Turn:
        execution = f"chat-{next(self._numbers)}"
        request: Json = {"messages": messages}
        if self._wanted:
            request["model"] = self._wanted
        params = {"provider": self.provider, "execution_id": execution, "request": request}
        return _Turn(self._peer.request("stream_ai_provider", params), execution)

    def _follow(self, turn: _Turn) -> Json:
        """Show the stream until its end, which is returned."""
        while True:
            try:
                message = self._next()
            except Interrupted:
                turn.stopped = True
                self._peer.request("cancel_execution", {"execution_id": turn.execution})
                continue
            if "error" in message and message.get("id") in (turn.request, None):
                raise Refused(message["error"])
            params = message.get("params") or {}
            if params.get("execution_id") != turn.execution:
                continue
            if message["method"] == "ai_stream_chunk":
                self._show(params["chunk"], turn)
            elif message["method"] == "ai_stream_end":
                return dict(params)

    def _show(self, chunk: Json, turn: _Turn) -> None:
        self._screen.thought(chunk.get("reasoning") or "")
        self._screen.answer(chunk.get("content") or "")
        self._screen.answer(chunk.get("refusal") or "")
        turn.citations += chunk.get("citations") or []

    def _tell_about(self, end: Json, turn: _Turn) -> None:
        if turn.stopped:
            self._screen.note("(stopped)")
        elif told := _CUT_SHORT.get(end["finish_reason"]):
            self._screen.note(told)
        elif not (end["response"].get("content") or end["response"].get("refusal")):
            self._screen.note("(an empty answer)")
        if self._screen.is_terminal:
            for number, source in enumerate(turn.citations, start=1):
                self._screen.note(f"[{number}] {source.get('title') or ''} {source['url']}")

    @contextmanager
    def _stopping(self, turn: _Turn) -> Iterator[None]:
        """Let the first Ctrl-C stop this answer; a second one ends the program as ever."""
        before = signal.getsignal(signal.SIGINT)

        def stop(_signal: int, _frame: FrameType | None) -> None:
            turn.pressed = True
            signal.signal(signal.SIGINT, before)
            self._peer.interrupt()

        if callable(before):  # and not ignored, as in a shell's background job
            signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            if callable(before):
                signal.signal(signal.SIGINT, before)
        if turn.pressed and not turn.stopped:
            self._drop_interruption()

    def _drop_interruption(self) -> None:
        """The answer ended as it was stopped: the next one must not be."""
        try:
            while self._peer.receive() is not None:
                pass
        except Interrupted:
            return

    def _default_model(self, active: Json) -> str | None:
        """Return the model that a request without one goes to, as far as that can be known."""
        rows = self._result("list_ai_providers")["providers"]
        row = next((row for row in rows if row["name"] == self.provider), None)
        if row is None:
            return None
        given: str | None = (row.get("defaults") or {}).get("model")
        if given is None and self.provider == active["provider"]:
            given = active.get("model")
        if given is None and row["format"] in _ON_THIS_MACHINE:
            models = self._result("list_models", {"provider": self.provider})["models"]
            given = models[0]["id"] if models else None
        return given

    def _result(self, method: str, params: Json | None = None) -> Any:  # noqa: ANN401 - any result
        answer = self._peer.call(method, params)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def _next(self) -> Json:
        line = self._peer.receive()
        if line is None:
            raise self._peer.gone()
        return dict(json.loads(line))

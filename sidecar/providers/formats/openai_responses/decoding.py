"""Answers of the Responses API, whole or streamed, into chunks.

A whole answer is what the last event of a stream has in it, and takes the same way: whatever it
says and no event before it has said is told then.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sidecar.errors import AIError, InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub
from sidecar.providers import framing
from sidecar.providers.formats import faults, filters, lenient
from sidecar.providers.formats.faults import unreadable
from sidecar.providers.formats.lenient import name_of, text
from sidecar.providers.formats.openai_chat import usage
from sidecar.providers.formats.openai_chat.wire import as_text
from sidecar.providers.formats.openai_responses import layout, wire
from sidecar.providers.formats.openai_responses.saying import Saying
from sidecar.providers.formats.openai_responses.wire import Event
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import FinishReason, StreamChunk

_INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "max_messages": "stop",
    "steered": "stop",
}
_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_BEGINS = ("response.created", "response.in_progress", "response.queued")
_QUIET = re.compile(r"keepalive|ping|response\.(?:compaction|mcp_|\w+_call(?:_|\.))")
"""Events without an own word: heartbeats, and the progress of tools whose item is told of."""
_MAX_WORD = 200


class ResponsesDecoder:
    """Decodes the events of one stream."""

    def __init__(self, target: Target, facts: Facts) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._finish_reason: FinishReason | None = None
        self._failure: AIError | None = None
        self._said = Saying(target, facts)

    @property
    def finished(self) -> bool:
        """True once the response has ended; its usage came with that."""
        return self._finish_reason is not None

    def feed(self, event: framing.Event) -> list[StreamChunk]:
        """Decode one event. Raises the provider's error where it reports one inside the stream."""
        data = event.data.strip()
        if self.done or not data:
            return []
        if data == b"[DONE]":  # some servers end as Chat Completions does
            self.done = True
            return []
        try:
            found = wire.read(data, self._target)
        except InvalidResponse:
            if event.event not in ("", "message", "error") and not data.startswith(b"{"):
                return []  # a heartbeat with a name, and no object that is broken
            if event.event == "error":
                raise faults.error_in_stream(data, self._target) from None
            raise
        if event.event == "error" or found.is_error:
            raise faults.error_in_stream(data, self._target)
        kind = text(found.type) or event.event
        if not kind or kind == "message":
            raise unreadable(data, self._target, "an event has no `type`")
        return self._take(kind, found)

    def flush(self) -> list[StreamChunk]:
        """End of input. Raises `TruncatedStream` where no end was announced."""
        name = self._target.vendor.name
        if self._failure is not None:
            raise self._failure
        if self._finish_reason is None and not self.done:
            message = f"{self._target.vendor.display_name} ended the stream before it was done."
            raise TruncatedStream(message, provider=name)
        if self._finish_reason is None and not self._said:
            message = f"{self._target.vendor.display_name} sent an empty stream."
            raise InvalidResponse(message, provider=name)
        chunks = self._said.flush()
        if self._finish_reason is None:
            assumed: FinishReason = "tool_calls" if self._said.calls else "stop"
            self._facts.warn(f"The provider gave no finish reason; `{assumed}` is assumed.")
            chunks.append(StreamChunk(finish_reason=assumed))
            self._keep_order()
        return chunks

    def end(self, response: dict[str, Any], kind: str) -> list[StreamChunk]:
        """The response has ended: tell what is left of it, why it ended, and what it took."""
        self._introduce(response)
        if kind == "response.completed" and f"response.{response.get('status')}" in _ENDS:
            kind = f"response.{response['status']}"  # vLLM calls every end completed
        for each in wire.objects(response.get("content_filters")):  # Azure's
            what = "the prompt" if each.get("source_type") == "prompt" else "the answer"
            filters.tell(what, each.get("content_filter_results"), self._facts)
        chunks = self._said.response(response)
        counted = usage.read(response.get("usage"), self._facts)
        self.done = True
        if kind == "response.failed" or response.get("error"):
            if counted is not None:
                chunks.append(StreamChunk(usage=counted))
            # The words that came with the error go first; `flush` tells the error.
            self._failure = self._failed(response)
            if not chunks:
                raise self._failure
            return chunks
        self._finish_reason = self._finish(response, kind)
        self._keep_order()
        chunks += self._said.flush()
        chunks.append(StreamChunk(finish_reason=self._finish_reason, usage=counted))
        return chunks

    def _take(self, kind: str, event: Event) -> list[StreamChunk]:
        if kind in _ENDS:
            return self.end(lenient.fields(event.response), kind)
        if kind in _BEGINS:
            self._introduce(lenient.fields(event.response))
            return []
        chunks = self._said.event(kind, event)
        if chunks is None:
            if not _QUIET.match(kind):
                name = scrub(kind, _MAX_WORD)
                self._facts.warn(f"An event of type {name!r} is unknown and was left out.")
            return []
        return chunks

    def _introduce(self, response: dict[str, Any]) -> None:
        facts = self._facts
        facts.model = facts.model or name_of(response.get("model"))
        if facts.response_id is None and (found := name_of(response.get("id"))):
            facts.response_id = self._said.prefix = found
        for removed in wire.objects(response.get("input_transformations")):
            if removed.get("action") == "removed":
                why = scrub(as_text(removed.get("reason")), _MAX_WORD)
                facts.warn(f"The provider left out reasoning that went back to it: {why}.")

    def _finish(self, response: dict[str, Any], kind: str) -> FinishReason:
        status = kind.rpartition(".")[2]
        reason = lenient.fields(response.get("incomplete_details")).get("reason")
        word = (text(reason) or status) if status == "incomplete" else status
        safe = self._facts.provider_finish_reason = scrub(word, _MAX_WORD)
        if status == "completed":
            return "tool_calls" if self._said.calls else "stop"
        if status == "cancelled":
            return "error"  # by the provider; nobody here has asked for it
        if word not in _INCOMPLETE:
            self._facts.warn(f"The provider's finish reason {safe!r} is unknown; taken as `stop`.")
        return _INCOMPLETE.get(word, "stop")

    def _failed(self, response: dict[str, Any]) -> AIError:
        error = response.get("error") or {"message": "The response failed, and no reason is given."}
        return faults.error_in_stream(msgspec.json.encode({"error": error}), self._target)

    def _keep_order(self) -> None:
        order = layout.block(self._said.entries(), self._target.vendor.name)
        if order is not None:
            self._facts.reasoning.append(order)


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a `response` object. Raises its error where it holds one."""
    name = target.vendor.display_name
    if not body.strip():
        message = f"{name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    response = _read(body, target)
    if not isinstance(response.get("output"), list):
        if faults.holds_error(body):
            raise faults.error_in_stream(body, target)
        raise unreadable(body, target, "it has no `output`")
    status = text(response.get("status"))
    if status in ("queued", "in_progress"):
        message = f"{name}'s answer is not there yet ({status}); what runs there is not waited for."
        hint = "Leave `background` out of `extra`."
        raise InvalidResponse(message, provider=target.vendor.name, hint=hint)
    kind = f"response.{status}"
    if kind not in _ENDS:
        facts.warn("The provider gave no known status; `completed` is assumed.")
        kind = "response.completed"
    decoder = ResponsesDecoder(target, facts)
    chunks = decoder.end(response, kind)
    return chunks + decoder.flush()


def _read(body: bytes, target: Target) -> dict[str, Any]:
    try:
        return lenient.fields(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return lenient.fields(lenient.read(body))
        except (ValueError, RecursionError) as error:
            raise unreadable(body, target, str(error)) from None

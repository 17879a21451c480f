"""Google's own SDK as an oracle: the same bytes give it and us the same words, calls and usage."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types

from sidecar.values import AIResponse
from tests.providers.formats.gemini.saying import answer, events, part_of, streamed
from tests.providers.formats.test_recorded import some
from tests.providers.raw_server import Connection, RawServer, serving

Json = dict[str, Any]
SIGNATURE = base64.b64encode(b"a signature").decode()
MADE: dict[str, list[Json]] = {
    "text": [part_of({"text": "Hel"}), part_of({"text": "lo"}, finish="STOP")],
    "thoughts": [
        part_of({"text": "Hm.", "thought": True}),
        part_of({"text": "Yes.", "thoughtSignature": SIGNATURE}, finish="MAX_TOKENS"),
    ],
    "parallel calls": [
        part_of({"functionCall": {"name": "f", "args": {"a": [1, None, "x"]}, "id": "c1"},
                 "thoughtSignature": SIGNATURE}),
        part_of({"functionCall": {"name": "f", "args": {"a": {"b": 2.5}}, "id": "c2"}}),
        part_of({"functionCall": {"name": "g"}}, finish="STOP"),
    ],
    "usage": [part_of({"text": "a"}, finish="STOP") | {"usageMetadata": {
        "promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 4, "totalTokenCount": 14}}],
    "a filtered answer": [part_of({"text": "a"}), part_of(finish="SAFETY")],
    "a blocked prompt": [{"promptFeedback": {"blockReason": "SAFETY"}}],
}  # fmt: skip


@pytest.fixture
def served() -> Iterator[tuple[RawServer, list[tuple[bytes, str]]]]:
    """A server that gives each request the body, and its type, that a test put there."""
    bodies: list[tuple[bytes, str]] = []

    def script(connection: Connection) -> None:
        body, kind = bodies[0]
        connection.answer(body, content_type=kind)

    with serving(script) as server:
        yield server, bodies


Served = tuple[RawServer, list[tuple[bytes, str]]]


class Theirs:
    """What the SDK makes of a body."""

    def __init__(self, served: Served, body: bytes, *, streams: bool) -> None:
        server, bodies = served
        bodies[:] = [(body, "text/event-stream" if streams else "application/json")]
        options = types.HttpOptions(base_url=f"http://127.0.0.1:{server.port}")
        with genai.Client(api_key="a-key", http_options=options) as client:
            if streams:
                asked = client.models.generate_content_stream(model="gemini-3", contents="hi")
                self.answers = list(asked)
            else:
                self.answers = [client.models.generate_content(model="gemini-3", contents="hi")]

    @property
    def parts(self) -> list[types.Part]:
        return [
            part
            for answer in self.answers
            for candidate in (answer.candidates or [])[:1]
            for part in (candidate.content and candidate.content.parts) or []
        ]

    @property
    def usage(self) -> types.GenerateContentResponseUsageMetadata | None:
        return self.answers[-1].usage_metadata

    @property
    def finish(self) -> str | None:
        found = [
            candidate.finish_reason.value
            for answer in self.answers
            for candidate in answer.candidates or []
            if candidate.finish_reason
        ]
        return found[-1] if found else None


def assert_same(ours: AIResponse, theirs: Theirs) -> None:
    said = [part for part in theirs.parts if part.text is not None]
    assert ours.content == "".join(part.text or "" for part in said if not part.thought)
    assert (ours.reasoning or "") == "".join(part.text or "" for part in said if part.thought)
    calls = [part for part in theirs.parts if part.function_call]
    assert [(each.name, json.loads(each.arguments)) for each in ours.tool_calls or ()] == [
        (part.function_call.name, part.function_call.args or {})
        for part in calls
        if part.function_call
    ]
    assert [each.signature for each in ours.tool_calls or ()] == [
        base64.b64encode(part.thought_signature).decode() if part.thought_signature else None
        for part in calls
    ]
    if theirs.finish is not None:
        assert ours.provider_finish_reason == theirs.finish
    if theirs.usage is not None:
        usage, inward = theirs.usage, theirs.usage.tool_use_prompt_token_count or 0
        assert ours.usage is not None
        assert ours.usage.prompt_tokens == (usage.prompt_token_count or 0) + inward
        assert ours.usage.completion_tokens == (
            (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        )
        assert ours.usage.total_tokens == usage.total_token_count
        assert ours.usage.cached_tokens == usage.cached_content_token_count


@pytest.mark.parametrize("name", MADE)
def test_a_stream_says_to_us_what_it_says_to_googles_sdk(served: Served, name: str) -> None:
    body = events(*MADE[name])
    assert_same(streamed(body)[1], Theirs(served, body, streams=True))


@pytest.mark.parametrize("name", MADE)
def test_an_answer_says_to_us_what_it_says_to_googles_sdk(served: Served, name: str) -> None:
    body = json.dumps(MADE[name][-1]).encode()
    assert_same(answer(body), Theirs(served, body, streams=False))


def test_the_recorded_answers_say_to_us_what_they_say_to_googles_sdk(
    recorded: Path, served: Served, subtests: pytest.Subtests
) -> None:
    file = recorded / "gemini.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for given in some(map(json.loads, lines)):
        method = given["request"]["path"].rpartition(":")[2]
        if "enerateContent" not in method or given["response"]["status"] != 200:
            continue
        # The signatures were taken out of the recordings; the SDK wants base64.
        body = re.sub(r"signature_REDACTED_\d+", SIGNATURE, given["response"]["body"]).encode()
        with subtests.test(given["case"]):
            streams = method == "streamGenerateContent"
            theirs = Theirs(served, body, streams=streams)
            assert_same(streamed(body)[1] if streams else answer(body), theirs)

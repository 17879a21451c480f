"""Real traffic of Gemini: what is made of it, and what would have been sent in its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sidecar.providers.sink import Facts
from sidecar.values import AIResponse, Reasoning
from tests.providers.answers import CUTS
from tests.providers.formats.gemini.naive import Reading, embed_request_of, read, request_of
from tests.providers.formats.gemini.saying import WIRE, answer, body_of, google, streamed
from tests.providers.formats.test_recorded import kinds, some

Json = dict[str, Any]
FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}


@dataclass
class Exchange:
    """One recorded request and its answer."""

    case: str
    path: str
    request: str
    body: bytes

    @property
    def method(self) -> str:
        return self.path.rpartition(":")[2]

    @property
    def model(self) -> str:
        return self.path.rpartition("/")[2].partition(":")[0]

    @property
    def streams(self) -> bool:
        return self.method == "streamGenerateContent"

    def __str__(self) -> str:
        return self.case


def exchanges(recorded: Path, *methods: str) -> Iterator[Exchange]:
    """Those of these methods."""
    file = recorded / "gemini.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for given in some(map(json.loads, lines)):
        if given["response"]["status"] != 200:
            continue
        request = given["request"]
        each = Exchange(
            given["case"], request["path"], request["body"], given["response"]["body"].encode()
        )
        if each.method in methods:
            yield each


SAID = ("generateContent", "streamGenerateContent")


def test_every_recorded_refusal_is_told_in_the_providers_words(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    file = recorded / "gemini.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    answers = [(each["case"], each["response"]) for each in map(json.loads, lines)]
    for case, response in some(each for each in answers if each[1]["status"] != 200):
        with subtests.test(case):
            said = response["body"].encode()
            error = WIRE.parse_error(response["status"], response["headers"], said, google())
            raw = json.loads(said)
            words = (raw[0] if isinstance(raw, list) else raw)["error"]["message"]
            assert type(error) in kinds(response["status"], words)
            assert error.provider_message == words


def test_every_recorded_answer_says_what_its_raw_json_says_however_it_is_cut(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, *SAID):
        reading = read(each.body.decode())
        if not each.streams:
            with subtests.test(str(each)):
                assert_same(answer(each.body, google(each.model)), reading)
            continue
        for name, cut in CUTS.items():
            with subtests.test(str(each), cut=name):
                chunks, response = streamed(each.body, google(each.model), cut)
                assert_same(response, reading)
                assert "".join(chunk.content or "" for chunk in chunks) == reading.text
                ends = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
                assert ends == [response.finish_reason]


def test_every_recorded_stream_decodes_the_same_with_other_line_ends(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, "streamGenerateContent"):
        _, expected = streamed(each.body)
        for end in (b"\r\n", b"\r"):
            with subtests.test(str(each), end=end):
                for cut in CUTS.values():
                    assert streamed(each.body.replace(b"\n", end), cut=cut)[1] == expected


def assert_same(response: AIResponse, reading: Reading) -> None:
    """Hold a response against the independent reading of its raw JSON."""
    assert response.content == response.message.content == reading.text
    assert (response.reasoning or "") == reading.thoughts
    calls = [
        (call.name, json.loads(call.arguments), call.signature)
        for call in response.tool_calls or ()
    ]
    assert calls == reading.calls
    assert response.message.tool_calls == response.tool_calls
    ids = [call.id for call in response.tool_calls or ()]
    assert ids == [f"call_{reading.id}_{number}" for number in range(len(ids))]
    assert response.provider_finish_reason == reading.finish
    assert response.finish_reason == FINISH.get(reading.finish or "", "content_filter")
    assert (response.model, response.response_id) == (reading.model, reading.id)
    signed = [block for block in response.message.reasoning or () if block.signature]
    assert [(block.text, block.signature) for block in signed] == [
        (None if text else "", signature) for text, signature in reading.signed_text
    ]
    thoughts = [block.text or "" for block in response.message.reasoning or ()]
    assert "".join(thoughts) == reading.thoughts
    told = " ".join(response.warnings or ())
    assert {name for name in reading.others if f"`{name}`" in told} == reading.others
    assert bool(response.warnings) == bool(reading.others)
    assert_same_usage(response, reading.usage)


def assert_same_usage(response: AIResponse, raw: Json) -> None:
    usage = response.usage
    assert usage is not None
    inward = raw["promptTokenCount"] + raw.get("toolUsePromptTokenCount", 0)
    outward = raw.get("candidatesTokenCount", 0) + raw.get("thoughtsTokenCount", 0)
    assert usage.prompt_tokens == inward
    assert usage.completion_tokens == outward
    assert usage.total_tokens == raw["totalTokenCount"] == inward + outward
    assert usage.reasoning_tokens == raw.get("thoughtsTokenCount")
    assert usage.cached_tokens == raw.get("cachedContentTokenCount")
    audio = [
        each["tokenCount"] for each in raw["promptTokensDetails"] if each["modality"] == "AUDIO"
    ]
    assert usage.audio_tokens == (sum(audio) if audio else None)


def test_every_recorded_batch_of_vectors_is_read_in_its_order(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, "batchEmbedContents"):
        with subtests.test(str(each)):
            raw = [entry["values"] for entry in json.loads(each.body)["embeddings"]]
            found = WIRE.parse_embeddings(each.body, len(raw), google(each.model), Facts())
            assert found.vectors == raw


# --- requests ------------------------------------------------------------------------------------


def test_every_recorded_request_is_built_as_its_client_sent_it(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, *SAID):
        with subtests.test(str(each)):
            request = request_of(each.request, model=each.model, stream=each.streams)
            facts = Facts()
            http = WIRE.build_request(request, google(each.model), facts)
            url = urlsplit(http.url)
            assert (http.method, url.path) == ("POST", each.path)
            assert url.query == ("alt=sse" if each.streams else "")
            assert normal(json.loads(http.body or b"")) == normal(json.loads(each.request))
            assert facts.warnings == []


def test_every_recorded_request_for_vectors_is_built_as_its_client_sent_it(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, "batchEmbedContents"):
        with subtests.test(str(each)):
            request = embed_request_of(each.request)
            http = WIRE.build_embed_request(request.input, request, google(each.model))
            assert (http.method, urlsplit(http.url).path) == ("POST", each.path)
            sent = (
                (http.body or b"").decode().replace("outputDimensionality", "output_dimensionality")
            )
            assert json.loads(sent) == json.loads(each.request)


def test_every_recorded_answer_goes_back_in_the_parts_that_it_came_in(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded, *SAID):
        with subtests.test(str(each)):
            response = streamed(each.body)[1] if each.streams else answer(each.body)
            given = request_of(each.request, model=each.model, stream=False)
            sent, _ = body_of(*given.messages, response.message, model="gemini-2.5-flash")
            turn = sent["contents"][-1]
            reading = read(each.body.decode())
            texts = [part for part in turn["parts"] if "text" in part and not part.get("thought")]
            assert "".join(part["text"] for part in texts) == reading.text
            signed = [part["thoughtSignature"] for part in texts if "thoughtSignature" in part]
            assert signed == [signature for _, signature in reading.signed_text]
            calls = [part for part in turn["parts"] if "functionCall" in part]
            assert [
                (part["functionCall"]["name"], part["functionCall"]["args"],
                 part.get("thoughtSignature")) for part in calls
            ] == reading.calls  # fmt: skip


def normal(body: Json) -> Json:
    """Take out the differences that mean the same.

    The whole list of them:

    * fields that are null, and an empty `generationConfig`, which is what leaving out means;
    * `thought: false`, which is the default, and `includeThoughts: false`;
    * the role of `systemInstruction`, which means nothing;
    * the ids of calls and of their responses, which the recorded client did not send: the API
      matches by them where there are some, and newer models want them;
    * a function's schema as `parameters` (OpenAPI's subset) or `parametersJsonSchema`;
    * an empty or missing list `functionDeclarations`;
    * turns of one role that follow each other, which become one.
    """
    found = {name: value for name, value in body.items() if value is not None}
    if not found.get("generationConfig", True):
        del found["generationConfig"]
    if "thinkingConfig" in found.get("generationConfig", {}):
        thinking = found["generationConfig"]["thinkingConfig"]
        if thinking.get("includeThoughts") is False:
            del thinking["includeThoughts"]
    contents: list[Json] = []
    for each in [_normal_content(each) for each in found["contents"]]:
        if contents and contents[-1]["role"] == each["role"]:
            contents[-1]["parts"] += each["parts"]
        else:
            contents.append(each)
    found["contents"] = contents
    if "systemInstruction" in found:
        found["systemInstruction"] = _normal_content(found["systemInstruction"])["parts"]
    if "tools" in found:
        found["tools"] = [_normal_tool(tool) for tool in found["tools"]]
    return found


def _normal_content(content: Json) -> Json:
    parts = [
        {
            name: _normal_value(value)
            for name, value in part.items()
            if (name, value) != ("thought", False)
        }
        for part in content["parts"]
    ]
    return {"role": content.get("role"), "parts": parts}


def _normal_value(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name != "id"}
    return value


def _normal_tool(tool: Json) -> Json:
    found = {name: value for name, value in tool.items() if value is not None}
    found["functionDeclarations"] = [
        {{"parametersJsonSchema": "parameters"}.get(name, name): value
         for name, value in each.items()}
        for each in found.get("functionDeclarations", [])
    ]  # fmt: skip
    return found


def test_a_block_of_reasoning_says_where_it_is_from(recorded: Path) -> None:
    blocks: list[Reasoning] = []
    for each in exchanges(recorded, "generateContent"):
        blocks += answer(each.body).message.reasoning or []
    assert {block.origin for block in blocks} == {"gemini"}

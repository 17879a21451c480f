"""OpenRouter's blocks of reasoning: pieces in, whole blocks out, and back as they came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.openai_chat.reasoning_details import MAX_SIZE, Details
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.values import AIMessage, AIRequest, AIResponse, Reasoning
from tests.providers.answers import (
    CUTS,
    ROWS,
    WIRE,
    Cut,
    answer,
    delta,
    events,
    streamed,
    target_of,
)
from tests.providers.formats.openai_chat.saying import whole_answer
from tests.providers.formats.test_recorded import exchanges, some

Json = dict[str, Any]
CLAUDE = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
SUMMARY = {"type": "reasoning.summary", "format": "openai-responses-v1", "index": 0}
SEALED = {
    "type": "reasoning.encrypted",
    "format": "openai-responses-v1",
    "index": 1,
    "id": "rs_1",
    "data": "c2VhbGVk",
}


def details(*given: Json, reasoning: str | None = None) -> Json:
    return delta(reasoning_details=list(given), reasoning=reasoning)


def back(message: AIMessage, vendor: str = "openrouter") -> Json:
    """An assistant's message as it goes back."""
    request = AIRequest(messages=[AIMessage(role="user", content="hi"), message])
    http = WIRE.build_request(request, target_of(vendor), Facts())
    found: Json = json.loads(http.body or b"")["messages"][1]
    return found


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_pieces_of_one_index_are_one_block_with_its_signature(cut: Cut) -> None:
    body = events(
        details({**CLAUDE, "text": "The"}, reasoning="The"),
        details({**CLAUDE, "text": " user"}, reasoning=" user"),
        details({**CLAUDE, "signature": "s1"}),
        delta("stop", content="Hi"),
    )
    response = streamed(body, target_of("openrouter"), cut)[1]
    block = Reasoning(text="The user", signature="s1", origin="anthropic-claude-v1")
    assert response.message.reasoning == [block]
    assert (response.reasoning, response.content) == ("The user", "Hi")
    assert back(response.message)["reasoning_details"] == [
        {**CLAUDE, "text": "The user", "signature": "s1"}
    ]


def test_blocks_of_several_kinds_keep_their_order_and_go_back_unchanged() -> None:
    given = [
        {**SUMMARY, "summary": "Counting."},
        SEALED,
        {**CLAUDE, "index": 2, "text": "hm", "signature": "s"},
        {**CLAUDE, "index": 3, "text": "hm", "signature": "t", "id": "x"},
    ]
    body = events(*(details(each) for each in given), delta("stop", content="Hi"))
    response = streamed(body, target_of("openrouter"))[1]
    assert response.message.reasoning == [
        Reasoning(summary="Counting.", origin="openai-responses-v1"),
        Reasoning(data="c2VhbGVk", id="rs_1", origin="openai-responses-v1"),
        Reasoning(text="hm", signature="s", origin="anthropic-claude-v1"),
        Reasoning(text="hm", signature="t", id="x", origin="anthropic-claude-v1"),
    ]
    assert response.reasoning == "Counting.hmhm"
    assert back(response.message)["reasoning_details"] == given


def test_a_whole_answer_keeps_its_blocks_as_well() -> None:
    given = {**CLAUDE, "text": "hm", "signature": "s"}
    response = answer(whole_answer(content="Hi", reasoning="hm", reasoning_details=[given]))
    assert back(response.message)["reasoning_details"] == [given]


def test_two_sealed_blocks_of_one_index_stay_two() -> None:
    other = {**SEALED, "data": "b3RoZXI="}
    response = streamed(events(details(SEALED, other), delta("stop")))[1]
    assert response.message.reasoning is not None
    assert [block.data for block in response.message.reasoning] == ["c2VhbGVk", "b3RoZXI="]


def test_two_signed_blocks_without_an_index_stay_two() -> None:
    given = [
        {"type": "reasoning.text", "text": text, "signature": text.upper(), "format": "unknown"}
        for text in ("a", "b")
    ]
    response = answer(whole_answer(content="Hi", reasoning_details=given))
    sent = back(response.message)["reasoning_details"]
    assert sent == [{**each, "index": at} for at, each in enumerate(given)]


def test_a_block_without_a_format_goes_back_without_one() -> None:
    given = {"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0}
    response = streamed(events(details({**given, "format": None}), delta("stop")))[1]
    assert back(response.message)["reasoning_details"] == [given]


def test_the_halves_of_a_character_in_two_pieces_are_joined() -> None:
    body = events(
        details({**SUMMARY, "summary": "a\ud83d"}),
        details({**SUMMARY, "summary": "\ude00"}),
        delta("stop"),
    )
    response = streamed(body)[1]
    assert response.message.reasoning is not None
    assert response.message.reasoning[0].summary == "a😀"


def test_blocks_are_not_told_before_they_are_whole() -> None:
    facts = Facts()
    decoder = WIRE.decoder(target_of("openrouter"), facts)
    piece = details({**CLAUDE, "text": "The"}, reasoning="The")
    assert [each.reasoning for each in decoder.feed(Event("", json.dumps(piece).encode()))] == [
        "The"
    ]
    assert facts.reasoning == []


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([Reasoning(text="a"), Reasoning(text="b")], {"reasoning": "ab"}),
        ([Reasoning(text="a", signature="s", origin="ollama")], {"reasoning": "a"}),
        ([Reasoning(signature="s", origin="openai_chat")], {}),
        (
            [Reasoning(text="a", signature="s")],
            {"reasoning_details": [
                {"type": "reasoning.text", "text": "a", "signature": "s", "index": 0}
            ]},
        ),
    ],
)  # fmt: skip
def test_what_another_format_has_proved_goes_back_as_text(
    blocks: list[Reasoning], expected: Json
) -> None:
    message = back(AIMessage(role="assistant", content="Hi", reasoning=blocks))
    assert message == {"role": "assistant", "content": "Hi", **expected}


def test_a_vendor_that_takes_no_details_gets_none() -> None:
    block = Reasoning(text="a", signature="s", origin="anthropic-claude-v1")
    message = AIMessage(role="assistant", content="Hi", reasoning=[block])
    assert back(message, "openai") == {"role": "assistant", "content": "Hi"}
    assert back(message, "deepseek")["reasoning_content"] == "a"
    assert back(message, "cerebras")["reasoning"] == "a"


@pytest.mark.parametrize(
    "odd",
    [7, "x", {}, [7], [None], [{}], [{"type": 7}], [{"type": "reasoning.dream", "text": "a"}],
     [{"type": ["reasoning.text"]}],
     [{"type": "reasoning.text", "text": 7, "signature": [], "index": "x", "id": {}}]],
)  # fmt: skip
def test_odd_details_cost_nothing_else(odd: object) -> None:
    response = streamed(events(delta("stop", content="a", reasoning_details=odd)))[1]
    assert response.content == "a"
    msgspec.json.encode(response)


def test_details_of_an_unknown_type_are_told() -> None:
    given = {"type": "reasoning.dream", "text": "a"}
    response = streamed(events(details(given), delta("stop", content="a")))[1]
    assert "reasoning.dream" in (response.warnings or [""])[0]


@pytest.mark.parametrize("name", ["text", "signature", "id"])
def test_details_without_end_are_broken_off(name: str) -> None:
    pieces = [{**CLAUDE, name: "x" * 100_000}] * (2 * MAX_SIZE // 100_000)
    with pytest.raises(InvalidResponse, match="broken off"):
        Details().add(pieces, Facts())


def test_blocks_without_end_are_broken_off() -> None:
    pieces = [{**CLAUDE, "index": index} for index in range(10_000)]
    with pytest.raises(InvalidResponse, match="broken off"):
        Details().add(pieces, Facts())


# --- real traffic ---------------------------------------------------------------------------------


def naive(body: str, *, streams: bool) -> list[Json]:
    """The blocks of a recorded answer, by a reader of its own."""
    if not streams:
        message = json.loads(body)["choices"][0]["message"]
        return list(message.get("reasoning_details") or [])
    found: dict[int, Json] = {}
    for line in body.split("\n"):
        if line.startswith("data: {"):
            for choice in json.loads(line[len("data: ") :])["choices"]:
                for piece in choice["delta"].get("reasoning_details") or []:
                    block = found.setdefault(piece["index"], {})
                    for name, value in piece.items():
                        joined = name in ("text", "summary") and name in block
                        block[name] = block[name] + value if joined else value
    return [found[index] for index in sorted(found)]


def test_every_recorded_block_goes_back_as_it_came(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    answered = (each for each in exchanges(recorded) if each.status == 200 and each.vendor in ROWS)
    found = ((each, naive(each.body.decode(), streams=each.streams)) for each in answered)
    for each, expected in some(pair for pair in found if pair[1]):
        for name, cut in (CUTS if each.streams else {"whole": None}).items():
            with subtests.test(str(each), cut=name):
                response: AIResponse = (
                    streamed(each.body, each.target, cut)[1]
                    if each.streams
                    else answer(each.body, each.target)
                )
                message = msgspec.convert(msgspec.to_builtins(response.message), AIMessage)
                assert back(message)["reasoning_details"] == expected

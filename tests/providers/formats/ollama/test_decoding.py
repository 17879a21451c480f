"""What Ollama's lines mean: text, thinking, ends, counts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import InvalidResponse, TruncatedStream
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.values import Reasoning, TokenUsage
from tests.providers.answers import CUTS, Cut
from tests.providers.formats.ollama.saying import (
    WIRE,
    answer,
    end,
    line,
    lines,
    say,
    streamed,
    target,
)

COUNTS: dict[str, object] = {"prompt_eval_count": 11, "eval_count": 7}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_thinking_text_and_counts_arrive_however_they_are_cut(cut: Cut) -> None:
    body = lines(
        line(content="", thinking="hm"),
        line(content="", thinking=", 😀"),
        line(content="Hel"),
        line(content="lo"),
        end(**COUNTS),
    )
    chunks, response = streamed(body, cut)
    assert (response.content, response.reasoning) == ("Hello", "hm, 😀")
    assert response.message.reasoning == [Reasoning(text="hm, 😀")]
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "stop")
    assert response.usage == TokenUsage(prompt_tokens=11, completion_tokens=7, total_tokens=18)
    assert (response.model, response.warnings) == ("m1", None)
    assert [chunk.content for chunk in chunks] == [None, None, "Hel", "lo", None]


def test_a_whole_answer_says_what_a_stream_says() -> None:
    whole = {**line(content="Hello", thinking="hm", done="length"), **COUNTS}
    response = answer(json.dumps(whole, indent=1).encode())
    assert (response.content, response.reasoning, response.finish_reason) == (
        "Hello", "hm", "length",
    )  # fmt: skip
    assert response.usage is not None


def test_a_last_line_without_a_line_feed_is_read() -> None:
    assert streamed(lines(line(content="a"), end()).rstrip())[1].content == "a"


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"\n", lines(line(content="a"))])
def test_a_stream_of_which_no_line_is_done_is_truncated(body: bytes) -> None:
    with pytest.raises(TruncatedStream):
        streamed(body)


@pytest.mark.parametrize("done", ["false", "true", 1, None, "stop"])
def test_done_is_nothing_but_true(done: object) -> None:
    with pytest.raises(TruncatedStream):
        say({**line(content="a"), "done": done})


def test_a_line_that_is_cut_off_is_an_invalid_response() -> None:
    with pytest.raises(InvalidResponse):
        streamed(lines(line(content="a")) + b'{"model":"m","message":{"con')


def test_done_without_a_reason_is_taken_as_stop_and_told() -> None:
    response = say(line(content="a"), end(None))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", None)
    assert "no finish reason" in (response.warnings or [""])[0]


def test_an_unknown_reason_is_kept_beside_stop_and_told() -> None:
    response = say(line(content="a"), end("bored"))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "bored")
    assert "bored" in (response.warnings or [""])[0]


def test_a_reason_before_the_end_is_none() -> None:
    response = say({**line(content="a"), "done_reason": ""}, end("length"))
    assert response.finish_reason == "length"


def test_what_follows_the_end_is_not_read() -> None:
    body = lines(line(content="a"), end(), "garbage", line(content="b"))
    assert streamed(body)[1].content == "a"


def test_the_decoder_is_finished_at_the_end_and_not_before() -> None:
    decoder = WIRE.decoder(target(), Facts())
    decoder.feed(Event("", json.dumps(line(content="a")).encode()))
    assert not decoder.finished
    decoder.feed(Event("", json.dumps(end()).encode()))
    assert decoder.finished
    assert decoder.done


# --- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"eval_count": 7}, (0, 7, 7)),  # a prompt that was kept is not counted
        ({"prompt_eval_count": 11}, (11, 0, 11)),
        ({"prompt_eval_count": "11", "eval_count": 7.0}, (11, 7, 18)),
    ],
)
def test_a_count_that_is_left_out_is_0(given: dict[str, object], expected: object) -> None:
    usage = say(end(**given)).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == expected


def test_no_counts_are_no_usage() -> None:
    assert say(line(content="a"), end()).usage is None


@pytest.mark.parametrize("odd", [-1, 1.5, "many", [1], {}, True, 2**70])
def test_a_count_that_is_none_costs_no_other_and_is_told(odd: object) -> None:
    response = say(end(prompt_eval_count=odd, eval_count=7))
    assert response.usage is not None
    assert response.usage.completion_tokens == 7
    assert "prompt_eval_count" in (response.warnings or [""])[0]


# --- text -----------------------------------------------------------------------------------------


def test_the_halves_of_a_character_in_two_lines_are_joined() -> None:
    response = say(
        line(content="a\ud83d", thinking="\ud83d"),
        line(content="\ude00b", thinking="\ude00"),
        end(),
    )
    assert (response.content, response.reasoning) == ("a😀b", "😀")


def test_half_a_character_at_the_end_is_replaced() -> None:
    assert say(line(content="a\ud83d"), end()).content == "a\ufffd"


def test_broken_utf_8_costs_its_character_and_no_more() -> None:
    body = lines(line(content="aXb"), end()).replace(b"X", b"\xf0\x9f")
    assert streamed(body)[1].content == "a\ufffdb"


@given(texts=st.lists(st.text(st.characters(exclude_categories=()))))
def test_any_text_arrives_as_text_that_can_be_written(texts: list[str]) -> None:
    expected = "".join(texts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert say(*(line(content=text) for text in texts), end()).content == expected


def test_content_that_is_an_object_is_kept_as_json_text() -> None:
    assert json.loads(say(line(content={"a": [1]}), end()).content) == {"a": [1]}


def test_logprobs_are_kept() -> None:
    entry = {"token": "a", "logprob": -0.5, "bytes": [97]}
    response = say({**line(content="a"), "logprobs": [entry]}, {**end(), "logprobs": [entry]})
    assert response.logprobs == {"content": [entry, entry]}


@pytest.mark.parametrize("odd", [7, "x", {"a": 1}])
def test_logprobs_that_are_no_list_are_left_out_and_told(odd: object) -> None:
    response = say({**end(), "logprobs": odd})
    assert response.logprobs is None
    assert response.warnings


def test_pictures_of_the_answer_are_told() -> None:
    assert "images" in (say(line(content="a", images=["AAAA"]), end()).warnings or [""])[0]


def test_a_name_of_a_model_without_end_is_cut() -> None:
    response = say({**end(), "model": "model-" * 20_000})
    assert len(response.model) == 1000

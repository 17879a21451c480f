"""Reasoning goes back to where it is from, and nowhere else."""

from __future__ import annotations

import pytest

from sidecar.errors import InvalidParams
from sidecar.values import AIMessage, ImagePart, Reasoning, TextPart
from tests.providers.formats.openai_responses.answering import (
    answer,
    body,
    call,
    message,
    output_text,
    reasoning,
)
from tests.providers.formats.openai_responses.asking import again, back, called, said


def test_thoughts_of_another_provider_stay_here() -> None:
    response = answer(body(reasoning("s", encrypted="E"), call(), message(output_text("Hi"))))
    foreign = [Reasoning(text="t", signature="s", origin="anthropic"), Reasoning(text="bare")]
    message_ = AIMessage(role="assistant", content="Hi", reasoning=foreign)
    unsent = "Reasoning of earlier messages that {} does not take back was not sent."
    assert back(message_) == ([said("Hi")], [unsent.format("Own")])
    items, warnings = back(response.message, to="openai")
    assert items == [said("Hi"), called()]
    assert warnings == [unsent.format("OpenAI")]


def test_thoughts_that_only_their_provider_kept_are_told_and_not_sent() -> None:
    response = answer(body(reasoning("I think.")))
    assert response.reasoning == "I think."
    items, warnings = back(response.message, AIMessage(role="user", content="hi"))
    assert [item["type"] for item in items] == ["message"]
    assert "without its encrypted content" in warnings[0]


def test_thoughts_that_nothing_came_of_are_told_and_not_sent() -> None:
    """The API refuses a reasoning item without the item that follows it."""
    response = answer(
        body(
            reasoning(encrypted="E"),
            status="incomplete",
            incomplete_details={"reason": "max_output_tokens"},
        )
    )
    items, warnings = back(response.message, AIMessage(role="user", content="go on"))
    assert [item["type"] for item in items] == ["message"]
    assert "nothing came of" in warnings[0]


def test_raw_thoughts_of_a_server_without_encryption_go_back_to_it() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm."}],
    }
    response = answer(body(item, message(output_text("Hi"))))
    assert response.reasoning == "Hm."
    assert again(response) == [item, said("Hi")]


def test_an_order_that_was_tampered_with_is_refused_with_its_path() -> None:
    block = Reasoning(signature='[{"kind": "no"}]', origin="own")
    with pytest.raises(InvalidParams) as refused:
        back(AIMessage(role="assistant", content="Hi", reasoning=[block]))
    assert refused.value.path == "$.request.messages[0].reasoning[0].signature"


def test_an_assistants_picture_is_refused_with_its_path() -> None:
    picture = ImagePart(url="https://a.example/i.png")
    with pytest.raises(InvalidParams) as refused:
        back(AIMessage(role="assistant", content=[TextPart(text="see"), picture]))
    assert refused.value.path == "$.request.messages[0].content[1]"


def test_a_message_that_says_nothing_is_nothing() -> None:
    assert back(AIMessage(role="assistant", content=""))[0] == []

"""What the user gives, as items of `input`."""

from __future__ import annotations

from sidecar.values import AIMessage, AIRequest, AudioPart, FilePart, ImagePart, TextPart
from tests.providers.formats.openai_responses.answering import WIRE, target
from tests.providers.formats.openai_responses.asking import built, given, sent


def test_a_first_system_message_is_the_instructions_and_later_ones_stand_where_they_are() -> None:
    messages = [
        AIMessage(role="system", content="Be brief."),
        AIMessage(role="user", content="hi"),
        AIMessage(role="system", content="Be long."),
    ]
    body, _ = built(messages=messages)
    assert body["instructions"] == "Be brief."
    assert [item["role"] for item in body["input"]] == ["user", "system"]
    assert body["input"][1]["content"] == [{"type": "input_text", "text": "Be long."}]


def test_a_system_message_of_parts_keeps_its_parts() -> None:
    messages = [AIMessage(role="system", content=[TextPart(text="a"), TextPart(text="b")])]
    body, _ = built(messages=messages)
    assert "instructions" not in body
    assert [part["text"] for part in body["input"][0]["content"]] == ["a", "b"]


def test_images_are_sent_by_url_or_whole() -> None:
    assert given(
        ImagePart(url="https://a.example/i.png", detail="low"),
        ImagePart(data="aGk=", media_type="image/png"),
    ) == [
        {"type": "input_image", "image_url": "https://a.example/i.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
    ]


def test_documents_are_sent_by_url_or_whole() -> None:
    assert given(
        FilePart(url="https://a.example/d.pdf"),
        FilePart(data="aGk=", media_type="application/pdf", filename="a.pdf"),
        FilePart(url="data:application/pdf;base64,aGk="),
    ) == [
        {"type": "input_file", "file_url": "https://a.example/d.pdf"},
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,aGk=",
        },
        {
            "type": "input_file",
            "filename": "document.pdf",
            "file_data": "data:application/pdf;base64,aGk=",
        },
    ]


def test_the_name_of_a_document_that_is_fetched_is_told_and_not_sent() -> None:
    """`file_url` and `filename` exclude each other."""
    part = FilePart(url="https://a.example/d.pdf", filename="d.pdf")
    body, warnings = built(messages=[AIMessage(role="user", content=[part])])
    assert body["input"][0]["content"] == [{"type": "input_file", "file_url": part.url}]
    assert "$.request.messages[0].content[0].filename" in warnings[0]


def test_sound_is_sent_with_its_form() -> None:
    assert given(AudioPart(data="aGk=", media_type="audio/mpeg")) == [
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}
    ]


def test_who_speaks_is_told_and_not_sent() -> None:
    body, warnings = built(messages=[AIMessage(role="user", content="hi", name="Ann")])
    assert body == built()[0]
    assert "takes no `name` in a user message" in warnings[0]


def test_what_a_tool_has_found_goes_back_under_its_calls_id() -> None:
    messages = [
        AIMessage(role="tool", tool_call_id="c1", content="sunny", name="weather"),
        AIMessage(
            role="tool",
            tool_call_id="c2",
            content=[TextPart(text="see"), ImagePart(url="https://a.example/i.png")],
        ),
    ]
    body, warnings = built(messages=messages)
    assert body["input"] == [
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "https://a.example/i.png", "detail": "auto"},
            ],
        },
    ]
    assert warnings == []


def test_models_are_asked_for_as_with_chat_completions() -> None:
    http = WIRE.build_models_request(target())
    assert (http.method, http.url) == ("GET", "https://api.example/v1/models")
    page = WIRE.parse_models(b'{"data": [{"id": "m1"}]}', target())
    assert ([model.id for model in page.models], page.next) == (["m1"], None)


def test_the_body_is_json_that_others_read() -> None:
    assert sent(AIRequest(messages=[AIMessage(role="user", content="\u2028 😀")]))["input"][0][
        "content"
    ] == [{"type": "input_text", "text": "\u2028 😀"}]

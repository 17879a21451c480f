"""A request becomes the worker's command, or is refused with its path."""

from __future__ import annotations

import pytest

from sidecar.errors import RequestRejected
from sidecar.local.models import LocalModel
from sidecar.local.protocol import Chat, JsonOutput, decode_command, encode
from sidecar.local.requests import to_chat, to_count, to_embed
from sidecar.values import (
    AIMessage,
    AIRequest,
    EmbedRequest,
    ImagePart,
    JsonObjectFormat,
    JsonSchemaFormat,
    TextPart,
    Tool,
    ToolCall,
)

MODEL = LocalModel(id="m", path="m.gguf", context=64, temperature=0.3, top_p=0.7)


def _request(content: str | list[object] = "hi", **fields: object) -> AIRequest:
    message = AIMessage(role="user", content=content)  # type: ignore[arg-type]
    return AIRequest(messages=[message], **fields)  # type: ignore[arg-type]


def test_the_command_survives_the_pipe() -> None:
    chat = to_chat(_request(seed=3, stop_sequences=["x"], max_tokens=5), MODEL, 9)
    assert decode_command(encode(chat)) == chat


def test_text_parts_are_joined() -> None:
    chat = to_chat(_request([TextPart(text="a"), TextPart(text="b")]), MODEL, 1)
    assert chat.messages[0].content == "ab"


def test_the_rows_sampling_holds_where_the_request_says_nothing() -> None:
    sampling = to_chat(_request(temperature=0.0), MODEL, 1).sampling
    assert (sampling.temperature, sampling.top_p) == (0.0, 0.7)


def test_an_image_is_refused_with_its_path() -> None:
    request = AIRequest(
        messages=[
            AIMessage(
                role="user",
                content=[TextPart(text="what is this?"), ImagePart(url="https://a.example/b.png")],
            )
        ]
    )
    with pytest.raises(RequestRejected) as refusal:
        to_chat(request, MODEL, 1)
    assert refusal.value.path == "$.request.messages[0].content[1]"
    assert refusal.value.kind == "invalid_request"
    assert "image" in refusal.value.message


def test_tools_and_tool_calls_are_refused_with_their_path() -> None:
    with pytest.raises(RequestRejected) as refusal:
        to_chat(_request(tools=[Tool(name="f")]), MODEL, 1)
    assert refusal.value.path == "$.request.tools"
    call = AIMessage(role="assistant", tool_calls=[ToolCall(id="1", name="f", arguments="{}")])
    with pytest.raises(RequestRejected) as refusal:
        to_chat(AIRequest(messages=[AIMessage(role="user", content="hi"), call]), MODEL, 1)
    assert refusal.value.path == "$.request.messages[1]"


def test_extra_reaches_llama_cpp_and_an_unknown_field_is_refused() -> None:
    assert to_chat(_request(extra={"top_k": 1}), MODEL, 1).sampling.top_k == 1
    with pytest.raises(RequestRejected) as refusal:
        to_chat(_request(extra={"topk": 1}), MODEL, 1)
    assert "topk" in refusal.value.message
    assert "top_k" in refusal.value.hint


def test_json_formats_are_passed_on() -> None:
    schema = {"type": "object"}
    plain: Chat = to_chat(_request(), MODEL, 1)
    assert plain.json is None
    assert to_chat(_request(response_format=JsonObjectFormat()), MODEL, 1).json == JsonOutput()
    strict = to_chat(_request(response_format=JsonSchemaFormat(schema=schema)), MODEL, 1)
    assert strict.json == JsonOutput(schema=schema)


def test_a_lone_surrogate_does_not_break_the_pipe() -> None:
    chat = to_chat(_request("a\ud800b"), MODEL, 1)
    assert decode_command(encode(chat)) == chat


def test_a_count_has_the_chats_messages_and_is_refused_for_the_same() -> None:
    chat, count = (make(_request("hi"), MODEL, 1) for make in (to_chat, to_count))
    assert (count.model, count.messages) == (chat.model, chat.messages)
    assert decode_command(encode(count)) == count
    with pytest.raises(RequestRejected) as refusal:
        to_count(_request(tools=[Tool(name="f")]), MODEL, 1)
    assert refusal.value.path == "$.request.tools"


def test_texts_to_embed_survive_the_pipe_in_their_order() -> None:
    embed = to_embed(EmbedRequest(input=["b", "a\ud800"], dimensions=3), MODEL, 9)
    assert (embed.texts, embed.dimensions) == (["b", "a?"], 3)
    assert decode_command(encode(embed)) == embed


def test_extra_means_nothing_for_vectors_and_is_refused() -> None:
    with pytest.raises(RequestRejected, match="`user`") as refusal:
        to_embed(EmbedRequest(input=["a"], extra={"user": "u"}), MODEL, 1)
    assert refusal.value.path == "$.extra"

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import InvalidParams
from sidecar.values import AIMessage, Reasoning, ToolCall
from tests.providers.formats.gemini.saying import body_of

TEXT = st.text(max_size=6)
CALLS = st.builds(
    ToolCall,
    id=st.sampled_from("ab"),
    name=st.sampled_from("fg"),
    arguments=st.sampled_from(["", "{}", '{"a": 1}', "[", "7"]),
    signature=st.none() | TEXT,
)
BLOCKS = st.builds(
    Reasoning,
    text=st.none() | TEXT,
    signature=st.none() | TEXT,
    origin=st.sampled_from(["gemini", "anthropic", None]),
)
MESSAGES = st.one_of(
    st.builds(AIMessage, role=st.sampled_from(["system", "user"]), content=TEXT),
    st.builds(
        AIMessage,
        role=st.just("assistant"),
        content=st.none() | TEXT,
        tool_calls=st.none() | st.lists(CALLS, max_size=2),
        reasoning=st.none() | st.lists(BLOCKS, max_size=3),
    ),
    st.builds(
        AIMessage, role=st.just("tool"), content=TEXT, tool_call_id=st.sampled_from("abc"),
        name=st.none() | st.just("h"),
    ),
)  # fmt: skip


@given(
    st.lists(MESSAGES, min_size=1, max_size=6),
    st.sampled_from(["gemini-2.5-flash", "gemini-3", "gemma-3"]),
)
def test_any_conversation_is_sent_in_turns_or_refused_with_its_place(
    messages: list[AIMessage], model: str
) -> None:
    try:
        body, _ = body_of(*messages, model=model)
    except InvalidParams as error:
        assert (error.path or "").startswith("$.request.messages")  # noqa: PT017 - either is fine
        return
    for turn in body["contents"]:
        assert turn["role"] in ("user", "model")
        assert turn["parts"]
        responses = ["functionResponse" in part for part in turn["parts"]]
        assert all(responses) or not any(responses)

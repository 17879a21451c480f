"""A conversation as the model reads it: its chat template, and the tokens that come of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import llama_cpp
from llama_cpp import llama_chat_format

from sidecar.errors import RequestRejected
from sidecar.local.protocol import Message


class Prompts:
    """Turns conversations into a model's tokens."""

    def __init__(self, llama: llama_cpp.Llama) -> None:
        self._llama = llama
        template = llama.metadata.get("tokenizer.chat_template")
        if template is None:
            sys.stderr.write("the model has no chat template: it is talked to in ChatML\n")
            template = llama_chat_format.CHATML_CHAT_TEMPLATE
        self._render = llama_chat_format.Jinja2ChatFormatter(
            template=template,
            bos_token=self._text(llama.token_bos()),
            eos_token=self._text(llama.token_eos()),
        )

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a prompt, special ones included; one at least.

        Raises `RequestRejected` where the template refuses the conversation, or nothing is in it.
        """
        given: list[Any] = [
            {"role": message.role, "content": message.content}
            | ({} if message.name is None else {"name": message.name})
            for message in messages
        ]
        try:
            rendered = self._render(messages=given)
        except Exception as error:
            # A template is foreign code: any exception is its way to refuse the conversation.
            raise RequestRejected(
                f"the model's chat template refused the conversation: {error}",
                path="$.request.messages",
                hint="Many templates want user and assistant in turn, and a system message first.",
            ) from error
        tokens = self._llama.tokenize(rendered.prompt.encode(), add_bos=False, special=True)
        if not tokens:
            raise RequestRejected("the conversation is empty", path="$.request.messages")
        return tokens

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        text: bytes = llama_cpp.llama_vocab_get_text(vocabulary, token)
        return text.decode("utf-8", "replace")

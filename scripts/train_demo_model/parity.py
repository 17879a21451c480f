"""Whether llama.cpp reads a conversation exactly as training did.

Two comparisons over generated dialogues and odd Unicode: this package's tokenizer against
llama.cpp's, and the GGUF's chat template (rendered as llama-cpp-python does) against
`chat_format.encode_dialogue`.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import gguf

from scripts.train_demo_model.chat_format import Dialogue, encode_dialogue
from scripts.train_demo_model.corpus import sample_dialogue
from scripts.train_demo_model.evaluation import Engine
from scripts.train_demo_model.tokenizer import EOS, Tokenizer

DIALOGUES = 300
_SEED = 99
_RANGES = (
    (0x20, 0x7E),
    (0x09, 0x0A),
    (0xA0, 0x2FF),
    (0x400, 0x4FF),
    (0x2581, 0x2581),
    (0x4E00, 0x9FFF),
    (0x1F300, 0x1F6FF),
)
_ODD_TEXTS = ("", "  ", " a  b   c ", "\n\n", "\ttab", "a\u0301", "\ufb01", "\u2581\u2581x")


def vocabulary_of(path: Path) -> list[str]:
    """Read the vocabulary of a GGUF file."""
    field = gguf.GGUFReader(path).fields["tokenizer.ggml.tokens"]
    return [bytes(field.parts[index]).decode() for index in field.data]


def _random_text(source: random.Random) -> str:
    letters = (chr(source.randint(*source.choice(_RANGES))) for _ in range(source.randint(1, 60)))
    return "".join(letters)


def _asked(dialogue: Dialogue) -> list[dict[str, str]]:
    """Give a dialogue as messages, up to and with its last question."""
    messages = []
    if dialogue.system is not None:
        messages.append({"role": "system", "content": dialogue.system})
    for question, reply in dialogue.turns:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": reply})
    return messages[:-1]


def differing_texts(engine: Engine, tokenizer: Tokenizer) -> list[str]:
    """Give the texts that llama.cpp tokenises in another way."""
    source = random.Random(_SEED)
    texts = [text for _ in range(DIALOGUES) for text in sample_dialogue(source).texts()]
    texts += [_random_text(source) for _ in range(DIALOGUES)]
    texts += _ODD_TEXTS
    return [
        text
        for text in texts
        if engine.tokenize(text.encode(), add_bos=False, special=False) != tokenizer.encode(text)
    ]


def differing_dialogues(engine: Engine, tokenizer: Tokenizer) -> list[Dialogue]:
    """Give the dialogues of which the GGUF's chat template makes other tokens than training."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter  # noqa: PLC0415 - see evaluation

    render: Any = Jinja2ChatFormatter(engine.metadata["tokenizer.chat_template"], "</s>", "<s>")
    source = random.Random(_SEED)
    found = []
    for _ in range(DIALOGUES):
        dialogue = sample_dialogue(source)
        prompt = str(render(messages=_asked(dialogue)).prompt)
        reply = [*tokenizer.encode(dialogue.turns[-1][1]), EOS]
        trained = encode_dialogue(dialogue, tokenizer).tokens[: -len(reply)]
        if engine.tokenize(prompt.encode(), add_bos=False, special=True) != trained:
            found.append(dialogue)
    return found


def parity_report(engine: Engine, path: Path) -> list[str]:
    """Say what differs; nothing where llama.cpp and training agree."""
    tokenizer = Tokenizer(vocabulary_of(path))
    texts = [f"tokenised differently: {text!r}" for text in differing_texts(engine, tokenizer)]
    dialogues = differing_dialogues(engine, tokenizer)
    return texts + [f"rendered differently: {dialogue!r}" for dialogue in dialogues]

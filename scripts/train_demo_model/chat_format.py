"""How a conversation becomes tokens, once for training and once as the GGUF's chat template.

Both say the same: an optional system message, then the last few messages, each as a role token,
a space and the text (an assistant's text without the space), closed by the end token.  No text is
ever cut: a conversation that does not fit the context is the engine's to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass

from scripts.train_demo_model.tokenizer import ASSISTANT, BOS, EOS, SYSTEM, USER, Tokenizer

KEPT_MESSAGES = 5
"""The template keeps this many of the last messages (two full turns and the new question)."""

_TEXT = (
    "{% macro text(m) %}{% if m['content'] is string %}{{ m['content'] | trim }}"
    "{% elif m['content'] %}{% for part in m['content'] %}"
    "{% if part['text'] is defined %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{% endif %}{% endmacro %}"
)
CHAT_TEMPLATE = (
    _TEXT + "{{ bos_token }}"
    "{% for m in messages %}{% if m['role'] in ['system', 'developer'] %}"
    "<|system|> {{ text(m) }}</s>{% endif %}{% endfor %}"
    "{% set turns = messages | selectattr('role', 'in', ['user', 'assistant']) | list %}"
    f"{{% for m in turns[-{KEPT_MESSAGES}:] %}}{{% if m['role'] == 'user' %}}"
    "<|user|> {{ text(m) }}</s>{% else %}<|assistant|>{{ text(m) }}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Dialogue:
    """A generated conversation: (question, answer) turns, and a system message or none."""

    turns: tuple[tuple[str, str], ...]
    system: str | None = None

    def texts(self) -> list[str]:
        """Give every text as it is tokenised (with the space that precedes a question)."""
        found = [" " + self.system] if self.system else []
        for question, answer in self.turns:
            found += [" " + question.strip(), answer]
        return found


@dataclass(frozen=True)
class Example:
    """A dialogue as tokens, with the weight that each token's prediction has in the loss."""

    tokens: list[int]
    weights: list[float]


def encode_dialogue(
    dialogue: Dialogue, tokenizer: Tokenizer, *, last_answer: int | None = None
) -> Example:
    """Tokenise a dialogue.  Only answers are learnt; each answer counts by its root length.

    With `last_answer`, no more than so many tokens of the last answer are kept.
    """
    tokens = [BOS]
    weights = [0.0]

    def put(numbers: list[int], weight: float) -> None:
        tokens.extend(numbers)
        weights.extend([weight] * len(numbers))

    if dialogue.system is not None:
        put([SYSTEM, *tokenizer.encode(" " + dialogue.system.strip()), EOS], 0.0)
    for question, answer in dialogue.turns:
        put([USER, *tokenizer.encode(" " + question.strip()), EOS, ASSISTANT], 0.0)
        reply = [*tokenizer.encode(answer), EOS]
        put(reply, len(reply) ** -0.5)
    surplus = 0 if last_answer is None else max(0, len(reply) - last_answer)
    end = len(tokens) - surplus
    return Example(tokens[:end], weights[:end])

"""Generated dialogues as an endless stream of batches of about equal size.

What an answer says is decided in its first words; the rest is soon known by heart.  So most
dialogues are cut after the first words of the last answer, and a batch holds twice as many.
Dialogues are made in chunks, each from its own seed.  Inside a chunk they are sorted by length, so
that the rows of a batch need little padding, and the batches are then shuffled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from scripts.train_demo_model.chat_format import Example, encode_dialogue
from scripts.train_demo_model.corpus import sample_dialogue
from scripts.train_demo_model.model import Batch
from scripts.train_demo_model.tokenizer import Tokenizer, train_vocabulary

CHUNK = 4000
VOCABULARY_DIALOGUES = 8000
_VOCABULARY_SEED = 0
_CUT_SHARE = 0.75
_FIRST_WORDS = (12, 16)


def vocabulary_for(size: int) -> list[str]:
    """Learn the vocabulary from a sample of the corpus."""
    source = random.Random(_VOCABULARY_SEED)
    dialogues = [sample_dialogue(source) for _ in range(VOCABULARY_DIALOGUES)]
    return train_vocabulary((text for item in dialogues for text in item.texts()), size)


def as_batch(rows: list[Example]) -> Batch:
    """Pad examples to one length; padding has no weight and cannot be seen (causal attention)."""
    length = max(len(row.tokens) for row in rows)
    tokens = np.zeros((len(rows), length), np.int64)
    weights = np.zeros((len(rows), length), np.float32)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = row.tokens
        weights[index, : len(row.weights)] = row.weights
    return Batch(tokens, weights)


def _grouped(examples: list[Example], batch_tokens: int) -> list[list[Example]]:
    groups: list[list[Example]] = []
    group: list[Example] = []
    for example in sorted(examples, key=lambda row: len(row.tokens)):
        if group and (len(group) + 1) * len(example.tokens) > batch_tokens:
            groups.append(group)
            group = []
        group.append(example)
    groups.append(group)
    return groups


def _example(source: random.Random, tokenizer: Tokenizer) -> Example:
    cut = source.randint(*_FIRST_WORDS) if source.random() < _CUT_SHARE else None
    return encode_dialogue(sample_dialogue(source), tokenizer, last_answer=cut)


def batches(
    tokenizer: Tokenizer, *, seed: int, context: int, batch_tokens: int
) -> Iterator[list[Example]]:
    """Yield batches (as lists of examples) without end; what exceeds the context is left out."""
    while True:
        seed += 1
        source = random.Random(seed)
        made = (_example(source, tokenizer) for _ in range(CHUNK))
        groups = _grouped([row for row in made if len(row.tokens) <= context], batch_tokens)
        source.shuffle(groups)
        yield from groups


def shards(rows: list[Example], count: int) -> list[Batch]:
    """Cut a batch into at most `count` slices of whole rows."""
    size = -(-len(rows) // count)
    return [as_batch(rows[start : start + size]) for start in range(0, len(rows), size)]

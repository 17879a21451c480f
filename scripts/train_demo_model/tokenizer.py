"""Text to token numbers and back, in exactly the way llama.cpp does it.

The vocabulary has the "llama" (SentencePiece) layout of a GGUF file: special tokens, 256 byte
tokens, printable ASCII, then merges.  Merges stay inside an optional leading space plus ASCII
letters, and a merge's score is minus its rank, so that llama.cpp's greedy pair merging gives the
same tokens as `Tokenizer.encode`.  Everything else falls back to single characters or bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import pairwise

SPECIAL = ("<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>")
UNK, BOS, EOS, SYSTEM, USER, ASSISTANT = range(len(SPECIAL))
SPACE = "\u2581"
ASCII = (SPACE, *(chr(code) for code in range(33, 127)))
FIRST_BYTE = len(SPECIAL)
FIRST_MERGE = FIRST_BYTE + 256 + len(ASCII)

TYPE_NORMAL, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_BYTE = 1, 2, 3, 6

_SEGMENT = re.compile(SPACE + "?[A-Za-z]+|.", re.DOTALL)
_CACHE_LIMIT = 200_000

Pair = tuple[str, str]


def segments(text: str) -> list[str]:
    """Split a text into the pieces inside which merges may happen."""
    return _SEGMENT.findall(text.replace(" ", SPACE))


class _MergeCounts:
    """The adjacent pairs of a weighted word list, kept up to date while pairs are merged."""

    def __init__(self, words: list[tuple[list[str], int]]) -> None:
        self.words = words
        self.pairs: Counter[Pair] = Counter()
        self.places: dict[Pair, set[int]] = {}
        for place, (symbols, count) in enumerate(words):
            self._add(place, symbols, count)

    def _add(self, place: int, symbols: list[str], count: int) -> None:
        for pair in pairwise(symbols):
            self.pairs[pair] += count
            self.places.setdefault(pair, set()).add(place)

    def best(self) -> Pair:
        return max(self.pairs, key=lambda pair: (self.pairs[pair], pair))

    def merge(self, pair: Pair) -> None:
        for place in sorted(self.places.get(pair, ())):
            symbols, count = self.words[place]
            for old in pairwise(symbols):
                self.pairs[old] -= count
            merged = _merge_pair(symbols, pair)
            self.words[place] = (merged, count)
            self._add(place, merged, count)
        self.pairs.pop(pair, None)


def _merge_pair(symbols: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    index = 0
    while index < len(symbols):
        if tuple(symbols[index : index + 2]) == pair:
            merged.append(pair[0] + pair[1])
            index += 2
        else:
            merged.append(symbols[index])
            index += 1
    return merged


def train_vocabulary(texts: Iterable[str], size: int) -> list[str]:
    """Learn byte-pair merges from the texts and return the whole vocabulary, in token order."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(piece for piece in segments(text) if len(piece) > 1)
    words = [(list(word), count) for word, count in counts.most_common(30_000) if count > 2]
    vocabulary = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *ASCII]
    known = set(vocabulary)
    table = _MergeCounts(words)
    while len(vocabulary) < size:
        pair = table.best()
        if table.pairs[pair] <= 0:
            break
        table.merge(pair)
        token = pair[0] + pair[1]
        if token not in known:
            known.add(token)
            vocabulary.append(token)
    return vocabulary


class Tokenizer:
    """A vocabulary in use."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Number the vocabulary, and give each token its score and type."""
        self.vocabulary = list(vocabulary)
        self.scores = [-float(max(0, index - FIRST_MERGE + 1)) for index in range(len(vocabulary))]
        self.types = [self._type(index) for index in range(len(vocabulary))]
        self._numbers = {token: index for index, token in enumerate(vocabulary)}
        self._cache: dict[str, list[int]] = {}

    @staticmethod
    def _type(index: int) -> int:
        if index == UNK:
            return TYPE_UNKNOWN
        if index < FIRST_BYTE:
            return TYPE_CONTROL
        return TYPE_BYTE if index < FIRST_BYTE + 256 else TYPE_NORMAL

    def encode(self, text: str) -> list[int]:
        """Give the tokens of a plain text (special tokens are never read out of it)."""
        return [number for piece in segments(text) for number in self._piece(piece)]

    def decode(self, numbers: Iterable[int]) -> str:
        """Give the text of tokens, leaving special tokens out."""
        data = bytearray()
        for number in numbers:
            if number < FIRST_BYTE:
                continue
            if number < FIRST_BYTE + 256:
                data.append(number - FIRST_BYTE)
            else:
                data += self.vocabulary[number].replace(SPACE, " ").encode()
        return data.decode("utf-8", "replace")

    def _piece(self, piece: str) -> list[int]:
        known = self._cache.get(piece)
        if known is None:
            known = [n for symbol in self._merged(piece) for n in self._symbol(symbol)]
            if len(self._cache) < _CACHE_LIMIT:
                self._cache[piece] = known
        return known

    def _merged(self, piece: str) -> list[str]:
        """Merge the best pair first, of equal ones the leftmost, until no pair is left."""
        symbols = list(piece)
        following = list(range(1, len(symbols) + 1))
        before = list(range(-1, len(symbols)))
        waiting: list[tuple[int, int, str]] = []

        def offer(place: int) -> None:
            if place < 0 or following[place] >= len(symbols):
                return
            pair = symbols[place] + symbols[following[place]]
            rank = self._numbers.get(pair, 0)
            if rank >= FIRST_MERGE:
                heappush(waiting, (rank, place, pair))

        for place in range(len(symbols)):
            offer(place)
        while waiting:
            _, place, pair = heappop(waiting)
            other = following[place]
            if not symbols[place] or other >= len(symbols):
                continue  # merged into another one since
            if symbols[place] + symbols[other] != pair:
                continue
            symbols[place], symbols[other] = pair, ""
            following[place] = following[other]
            before[following[other]] = place
            offer(before[place])
            offer(place)
        return [symbol for symbol in symbols if symbol]

    def _symbol(self, symbol: str) -> list[int]:
        number = self._numbers.get(symbol)
        if number is not None and number >= FIRST_BYTE:
            return [number]
        return [FIRST_BYTE + byte for byte in symbol.encode("utf-8", "replace")]

"""Vectors of texts: the loaded model, by a context of llama.cpp's that is made for one request.

* A context that gives vectors can't chat. So each request has its own on the model's shared
  weights, as large as its longest text, and gives it back: it takes a few milliseconds, chats
  keep theirs with all that it remembers, and nothing is held while nobody asks.
* Texts are evaluated one by one. The vector of a text then does not change with its neighbours.
* A model that tells how it makes one vector of a text's many is taken at its word. Of all others,
  chat models among them, it is the mean of what the last layer says of each token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from sidecar.errors import ContextLength, InvalidResponse, RequestRejected
from sidecar.local.inbox import Cancelled, Flag
from sidecar.local.protocol import Embed, EndReason

Numbers = NDArray[np.float64]

_ABORTED = 2  # of llama_decode


def embed(
    llama: llama_cpp.Llama, work: Embed, flag: Flag, give: Callable[[list[float]], None]
) -> tuple[int, EndReason]:
    """Give a vector of length 1 for each text, in order; return the tokens of all texts.

    Raises `ContextLength` for a text that is too long, before any is evaluated, `RequestRejected`
    where the model has no such vectors, and `InvalidResponse` where one has no direction. Their
    paths are those of `embed`'s params.
    """
    size = llama_cpp.llama_model_n_embd_out(llama.model)
    if work.dimensions is not None and work.dimensions > size:
        raise RequestRejected(
            f"the model's vectors have {size} numbers, and can't be made longer",
            path="$.dimensions",
            hint=f"Ask for {size} at most, or leave it out.",
        )
    limit = min(work.model.context, llama_cpp.llama_model_n_ctx_train(llama.model))
    texts = [_tokens(llama, text, limit, place) for place, text in enumerate(work.texts)]
    total = sum(map(len, texts))
    with _Context(llama, work.model.batch, max(map(len, texts)), flag) as context:
        for place, tokens in enumerate(texts):
            try:
                vector = context.vector(tokens)
            except Cancelled:
                return total, "cancelled"
            give(_of_length_1(vector[: work.dimensions], place))
    return total, "stop"


def _tokens(llama: llama_cpp.Llama, text: str, limit: int, place: int) -> list[int]:
    path = f"$.input[{place}]"
    tokens = llama.tokenize(text.encode())
    if not tokens:
        raise RequestRejected("the model has no token for this text", path=path)
    if len(tokens) > limit:
        raise ContextLength(
            f"the text has {len(tokens)} tokens, and the model's context {limit}",
            path=path,
            hint="Cut the text into shorter ones.",
        )
    return tokens


def _of_length_1(vector: Numbers, place: int) -> list[float]:
    length = np.linalg.norm(vector)
    if not 0 < length < np.inf:
        raise InvalidResponse(
            f"the model's numbers for this text are no vector: their length is {length}",
            path=f"$.input[{place}]",
            hint="The model's file may be damaged, or not made for vectors.",
        )
    numbers: list[float] = (vector / length).tolist()
    return numbers


class _Context:
    """A context for texts of `longest` tokens at most, of which it takes `batch` at a time."""

    def __init__(self, llama: llama_cpp.Llama, batch: int, longest: int, flag: Flag) -> None:
        self._flag = flag
        # What reads both ways has to see a text as a whole; it has a short context.
        self._at_once = longest if _reads_both_ways(llama) else min(batch, longest)
        self._abort = llama_cpp.ggml_abort_callback(lambda _data: flag.cancelled)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = longest
        params.n_batch = params.n_ubatch = self._at_once
        params.n_threads = params.n_threads_batch = llama.n_threads_batch
        params.flash_attn_type = llama.context_params.flash_attn_type
        params.embeddings = True
        params.abort_callback = self._abort
        self._context = llama_cpp.llama_init_from_model(llama.model, params)
        if not self._context:
            message = f"llama.cpp made no context for vectors of {longest} tokens"
            raise MemoryError(message)
        self._batch = llama_cpp.llama_batch_init(self._at_once, 0, 1)
        self._size = llama_cpp.llama_model_n_embd_out(llama.model)
        self._pooling: int = llama_cpp.llama_pooling_type(self._context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)

    def vector(self, tokens: Sequence[int]) -> Numbers:
        """Return the vector of one text, of any length. Raises `Cancelled`, `RequestRejected`."""
        if self._pooling == llama_cpp.LLAMA_POOLING_TYPE_RANK:
            raise RequestRejected(
                "the model ranks texts, and makes no vectors of them",
                path="$.model",
                hint="Choose a model for embeddings.",
            )
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)  # noqa: FBT003
        means, weights = [], []
        for start in range(0, len(tokens), self._at_once):
            piece = tokens[start : start + self._at_once]
            self._decode(piece, start)
            means.append(self._read(len(piece)))
            weights.append(len(piece))
        if self._pooling == llama_cpp.LLAMA_POOLING_TYPE_CLS:
            return means[0]
        if self._pooling == llama_cpp.LLAMA_POOLING_TYPE_LAST:
            return means[-1]
        mean: Numbers = np.average(means, axis=0, weights=weights)
        return mean

    def _decode(self, tokens: Sequence[int], start: int) -> None:
        # GPU backends know no abort callback: for them this is the place to stop.
        if self._flag.cancelled:
            raise Cancelled
        batch = self._batch
        batch.n_tokens = len(tokens)
        for place, token in enumerate(tokens):
            batch.token[place] = token
            batch.pos[place] = start + place
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = 0
            batch.logits[place] = True  # llama.cpp warns where any token is left out
        status = llama_cpp.llama_decode(self._context, batch)
        if status == _ABORTED and self._flag.cancelled:
            raise Cancelled
        if status:
            message = f"llama_decode returned {status}"
            raise RuntimeError(message)

    def _read(self, count: int) -> Numbers:
        """Return what llama.cpp has made of the tokens of a batch, or their mean."""
        if self._pooling == llama_cpp.LLAMA_POOLING_TYPE_NONE:
            rows = self._floats(llama_cpp.llama_get_embeddings(self._context), count)
        else:
            rows = self._floats(llama_cpp.llama_get_embeddings_seq(self._context, 0), 1)
        mean: Numbers = rows.mean(axis=0)
        return mean

    def _floats(self, found: Any, rows: int) -> Numbers:  # noqa: ANN401 - ctypes has no public name
        # A copy: the next batch is written over it.
        floats: Numbers = np.ctypeslib.as_array(found, (rows, self._size)).astype(np.float64)
        return floats


def _reads_both_ways(llama: llama_cpp.Llama) -> bool:
    kind = llama.metadata.get("general.architecture")
    return llama.metadata.get(f"{kind}.attention.causal") == "false"

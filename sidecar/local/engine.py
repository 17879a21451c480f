"""llama.cpp itself: one loaded model, and a chat turned into tokens and back.

* This file, `prompts.py` and `vectors.py` alone import llama_cpp, and only the worker process
  imports them.
* A prompt is measured before it is evaluated. llama.cpp's abort callback is set during prompt
  evaluation alone: left on, it costs 4 to 10 % of the speed. Between tokens a flag is enough.
* What the request made impossible raises an `AIError`. Any other exception means that the
  context can't be trusted any more, and is to end the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import llama_cpp
from llama_cpp import llama_grammar

from sidecar.errors import ContextLength, ModelNotFound, RequestRejected
from sidecar.local import processors, vectors
from sidecar.local.inbox import Cancelled, Flag
from sidecar.local.prompts import Prompts
from sidecar.local.protocol import (
    Chat,
    Count,
    Done,
    Embed,
    EndReason,
    JsonOutput,
    ModelSpec,
    Usage,
    Work,
)
from sidecar.local.text import TextStream

VERSION: str = llama_cpp.__version__
processors.load(llama_cpp.llama_cpp._lib, Path(llama_cpp.__file__).parent / "lib")  # noqa: SLF001

# ggml_log_level of ggml.h; the list in llama-cpp-python's _logger.py is out of date.
_WARNING, _ERROR, _CONTINUED = 3, 4, 5
_SEEDS = 2**32 - 1  # the highest 32-bit number means "any" to llama.cpp


class NativeLog:
    """llama.cpp's own log: from warnings on it goes to stderr, the rest is dropped.

    It keeps a descriptor of its own, since llama-cpp-python points 2 at null while it loads.
    """

    def __init__(self) -> None:
        self._descriptor = os.dup(2)
        self._level = 0
        self.errors: deque[str] = deque(maxlen=3)
        self._callback = llama_cpp.llama_log_callback(self._write)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _write(self, level: int, text: bytes, _data: object) -> None:
        if level != _CONTINUED:
            self._level = level
        if self._level in {_WARNING, _ERROR}:
            os.write(self._descriptor, text)
            if self._level == _ERROR and text.strip():
                self.errors.append(text.decode("utf-8", "replace").strip())


class Engine:
    """One loaded model."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._llama = llama_cpp.Llama(
            model_path=spec.path,
            n_ctx=spec.context,
            n_batch=spec.batch,
            n_gpu_layers=spec.gpu_layers,
            n_threads=spec.threads,
            n_threads_batch=spec.threads,
            verbose=False,
        )
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        self._pieces: dict[int, bytes | None] = {}
        self._prompts = Prompts(self._llama)

    def close(self) -> None:
        """Give the memory back."""
        self._llama.close()

    def count(self, count: Count) -> Done:
        """Count the tokens of a prompt, also where the context can't hold them.

        Raises `RequestRejected` where the template refuses the conversation.
        """
        tokens = self._prompts.tokens(count.messages)
        return _done(count, "stop", Usage(prompt_tokens=len(tokens)))

    def embed(self, embed: Embed, flag: Flag, give: Callable[[list[float]], None]) -> Done:
        """Turn texts into vectors; `give` gets them in order. Raises what `vectors.embed` does."""
        tokens, reason = vectors.embed(self._llama, embed, flag, give)
        return _done(embed, reason, Usage(prompt_tokens=tokens))

    def answer(self, chat: Chat, flag: Flag, say: Callable[[str], None]) -> Done:
        """Run one chat; `say` gets its text. Raises `AIError` where it can't be served."""
        tokens = self._prompt(chat)
        grammar = self._grammar(chat.json)
        fresh = chat.sampling.seed is not None
        try:
            cached = self._evaluate(tokens, flag, fresh=fresh)
        except Cancelled:
            return _done(chat, "cancelled", Usage(prompt_tokens=len(tokens)))
        text = TextStream(chat.stop)
        reason: EndReason = "length"
        said = 0
        room = self.spec.context - len(tokens)
        limit = min(chat.max_tokens or room, room)
        for token in self._draw(chat, tokens, grammar):
            piece = self._piece(token)
            if piece is None:
                reason = "stop"
                break
            said += 1
            if ready := text.feed(piece):
                say(ready)
            if text.stopped:
                reason = "stop"
                break
            if flag.cancelled:
                reason = "cancelled"
                break
            if said >= limit:
                break
        if rest := text.flush():
            say(rest)
        return _done(chat, reason, Usage(
            prompt_tokens=len(tokens), completion_tokens=said, cached_tokens=cached
        ))  # fmt: skip

    def _prompt(self, chat: Chat) -> list[int]:
        """Return the conversation as tokens, once it is known that they fit."""
        tokens = self._prompts.tokens(chat.messages)
        if len(tokens) >= self.spec.context:
            raise ContextLength(
                f"the prompt has {len(tokens)} tokens, and the model's context of "
                f"{self.spec.context} tokens must hold prompt and answer"
            )
        return tokens

    def _grammar(self, output: JsonOutput | None) -> llama_grammar.LlamaGrammar | None:
        if output is None:
            return None
        if output.schema is None:
            return llama_grammar.LlamaGrammar.from_string(llama_grammar.JSON_GBNF)
        try:
            rules = llama_grammar.json_schema_to_gbnf(json.dumps(output.schema))
        except Exception as error:
            # The converter has no errors of its own: KeyError, AssertionError, re.error, …
            raise _bad_schema(str(error) or type(error).__name__) from error
        # A grammar that does not parse would take the process down when it is used.
        sampler = llama_cpp.llama_sampler_init_grammar(self._vocabulary, rules.encode(), b"root")
        if not sampler:
            raise _bad_schema("the grammar made of it does not parse")
        llama_cpp.llama_sampler_free(sampler)
        return llama_grammar.LlamaGrammar.from_string(rules)

    def _evaluate(self, tokens: list[int], flag: Flag, *, fresh: bool) -> int:
        """Evaluate the prompt, batch by batch; return how many tokens were known already."""
        known = self._reuse(tokens, fresh=fresh)
        llama = self._llama
        abort = llama_cpp.ggml_abort_callback(lambda _data: flag.cancelled)
        llama_cpp.llama_set_abort_callback(llama.ctx, abort, ctypes.c_void_p(0))
        try:
            for start in range(known, len(tokens), llama.n_batch):
                # GPU backends know no abort callback: for them this is the place to stop.
                if flag.cancelled:
                    raise Cancelled
                llama.eval(tokens[start : start + llama.n_batch])
        except RuntimeError:
            # llama_decode returned 2: aborted. A half evaluated batch is in the context's memory.
            if not flag.cancelled:
                raise
            self._forget()
            raise Cancelled from None
        finally:
            never = llama_cpp.ggml_abort_callback()
            llama_cpp.llama_set_abort_callback(llama.ctx, never, ctypes.c_void_p(0))
        return known

    def _reuse(self, tokens: list[int], *, fresh: bool) -> int:
        """Keep what the context's memory shares with the prompt; return its length in tokens.

        Numbers differ in their last digits with the way a prompt was cut into batches, so a
        request with a seed starts afresh: the same request then gives the same answer.
        """
        llama = self._llama
        known = 0
        if not fresh:
            held = llama.input_ids[: min(llama.n_tokens, len(tokens) - 1)].tolist()
            known = next(
                (place for place, token in enumerate(held) if token != tokens[place]), len(held)
            )
        memory = llama_cpp.llama_get_memory(llama.ctx)
        if known and llama_cpp.llama_memory_seq_rm(memory, 0, known, -1):
            llama.n_tokens = known
            return known
        # Nothing in common, or a recurrent model, whose memory can't be cut.
        self._forget()
        return 0

    def _forget(self) -> None:
        self._llama.reset()  # type: ignore[no-untyped-call]
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._llama.ctx), True)  # noqa: FBT003

    def _draw(
        self, chat: Chat, tokens: list[int], grammar: llama_grammar.LlamaGrammar | None
    ) -> Iterator[int]:
        """Give token after token. The prompt is evaluated: `generate` finds it whole."""
        sampling = chat.sampling
        seed = random.randrange(_SEEDS) if sampling.seed is None else sampling.seed % _SEEDS  # noqa: S311
        self._llama.set_seed(seed)
        return self._llama.generate(
            tokens,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            temp=sampling.temperature,
            repeat_penalty=sampling.repeat_penalty,
            frequency_penalty=sampling.frequency_penalty,
            presence_penalty=sampling.presence_penalty,
            grammar=grammar,
        )

    def _piece(self, token: int) -> bytes | None:
        """Return a token's bytes; None for those that end the answer."""
        try:
            return self._pieces[token]
        except KeyError:
            ends = llama_cpp.llama_vocab_is_eog(self._vocabulary, token)
            piece = self._pieces[token] = None if ends else self._native_piece(token)
            return piece

    def _native_piece(self, token: int, size: int = 64) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        written = llama_cpp.llama_token_to_piece(
            self._vocabulary, token, buffer, size, 0, False  # noqa: FBT003
        )  # fmt: skip
        return self._native_piece(token, -written) if written < 0 else buffer.raw[:written]


def load(spec: ModelSpec, log: NativeLog) -> Engine:
    """Load a model. Raises `ModelNotFound`, with llama.cpp's own words where it has some."""
    path = Path(spec.path)
    if not path.is_file():
        raise ModelNotFound(
            f"the model's file {path.name} does not exist",
            hint="Install the sidecar anew: the demo model is a part of it.",
        )
    log.errors.clear()
    try:
        return Engine(spec)
    except ValueError as error:
        # llama-cpp-python's word for a file or a context that llama.cpp refused.
        said = "; ".join(log.errors) or str(error)
        raise ModelNotFound(
            f"the model's file {path.name} can't be loaded: {said}",
            hint="The file may be damaged, of a newer format, or too large for the memory.",
        ) from error


def _done(work: Work, reason: EndReason, usage: Usage) -> Done:
    return Done(id=work.id, finish_reason=reason, usage=usage)


def _bad_schema(reason: str) -> RequestRejected:
    return RequestRejected(
        f"the JSON schema can't be used: {reason}",
        path="$.request.response_format.schema",
        hint="Use plain types, properties, required, enum and items.",
    )

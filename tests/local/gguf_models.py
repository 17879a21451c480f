"""Writes tiny GGUF models whose answers are known, for the real llama.cpp to run.

`write_chains`: a model that says what a table tells. Embeddings are one-hot and the layer adds
nothing, so the next token depends on the last one alone. The template is the last message's
content, so its last token chooses what is said. A token without a successor is followed by any
other with the same probability.

`write_slow`: random weights; its prompts take seconds.

`write_bert`: a model for vectors alone, which reads both ways and keeps no memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]  # of 32-bit floats

SPECIAL = ("<unk>", "<s>", "</s>")
EOS = "</s>"
TEMPLATE = "{{ bos_token }}{{ messages[-1]['content'] }}"
_ASCII = (*(chr(code) for code in range(33, 127)), "▁")
_HEAD = 32


def byte(value: int) -> str:
    """Return the token of one byte."""
    return f"<0x{value:02X}>"


def write_chains(
    path: Path, chains: Mapping[str, Sequence[str]], *, norm: float = 1.0, **facts: int
) -> None:
    """Write a model that, after the key, says the pieces, each of which must be unique.

    What its last layer says of a token is `norm` at the token's own place. `facts` are more of
    the architecture's own, by their names in GGUF with `__` for a dot.
    """
    pieces = [piece for chain in chains.values() for piece in chain]
    vocabulary = _vocabulary(pieces)
    number = {token: place for place, token in enumerate(vocabulary)}
    width = -(-len(vocabulary) // _HEAD) * _HEAD
    embedding: Tensor = np.eye(len(vocabulary), width, dtype=np.float32)
    output = np.zeros((len(vocabulary), width), np.float32)
    for key, chain in chains.items():
        for before, after in zip((key, *chain), chain, strict=False):
            output[number[after], number[before]] = 2.0
    tensors: dict[str, Tensor] = {"token_embd.weight": embedding, "output.weight": output}
    tensors |= _layers(width, hidden=_HEAD, count=1, random=None)
    tensors["output_norm.weight"] = np.full(width, norm, dtype=np.float32)
    _write(path, vocabulary, tensors, context=4096, facts=facts)


def write_slow(path: Path, *, width: int, layers: int, context: int) -> None:
    """Write a model that takes its time with long prompts."""
    vocabulary = _vocabulary([])
    random = np.random.default_rng(7)
    shape = (len(vocabulary), width)
    tensors: dict[str, Tensor] = {
        "token_embd.weight": random.standard_normal(shape, dtype=np.float32)
    }
    tensors["output.weight"] = random.standard_normal(shape, dtype=np.float32) / width
    tensors |= _layers(width, hidden=2 * width, count=layers, random=random)
    _write(path, vocabulary, tensors, context=context)


def write_bert(path: Path, *, context: int) -> None:
    """Write a BERT of random weights, whose vector of a text is that of its first token."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁one", "▁two", "▁three"]
    random = np.random.default_rng(7)
    width = _HEAD

    def matrix(*shape: int) -> Tensor:
        return random.standard_normal(shape, dtype=np.float32)

    tensors = {
        "token_embd.weight": matrix(len(vocabulary), width),
        "token_types.weight": matrix(2, width),
        "position_embd.weight": matrix(context, width),
        "blk.0.ffn_up.weight": matrix(width, width),
        "blk.0.ffn_down.weight": matrix(width, width),
        "blk.0.ffn_up.bias": matrix(width),
        "blk.0.ffn_down.bias": matrix(width),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensors |= {
            f"blk.0.{part}.weight": matrix(width, width),
            f"blk.0.{part}.bias": matrix(width),
        }
    for norm in ("token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"):
        tensors |= {f"{norm}.weight": matrix(width), f"{norm}.bias": matrix(width)}
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(width)
    writer.add_head_count(1)
    writer.add_layer_norm_eps(1e-5)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.CLS)
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_token_list(vocabulary)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(vocabulary))
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    _close(writer, tensors)


def _vocabulary(pieces: Sequence[str]) -> list[str]:
    base = [*SPECIAL, *(byte(value) for value in range(256)), *_ASCII]
    return base + [piece for piece in dict.fromkeys(pieces) if piece not in set(base)]


def _layers(
    width: int, *, hidden: int, count: int, random: np.random.Generator | None
) -> dict[str, Tensor]:
    def matrix(rows: int, columns: int) -> Tensor:
        if random is None:
            return np.zeros((rows, columns), dtype=np.float32)
        return random.standard_normal((rows, columns), dtype=np.float32) / columns

    tensors = {"output_norm.weight": np.ones(width, dtype=np.float32)}
    for layer in range(count):
        name = f"blk.{layer}."
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"{name}{part}.weight"] = matrix(width, width)
        tensors[f"{name}ffn_gate.weight"] = matrix(hidden, width)
        tensors[f"{name}ffn_up.weight"] = matrix(hidden, width)
        tensors[f"{name}ffn_down.weight"] = matrix(width, hidden)
        tensors[f"{name}attn_norm.weight"] = np.ones(width, dtype=np.float32)
        tensors[f"{name}ffn_norm.weight"] = np.ones(width, dtype=np.float32)
    return tensors


def _write(
    path: Path,
    vocabulary: list[str],
    tensors: Mapping[str, Tensor],
    *,
    context: int,
    facts: Mapping[str, int] | None = None,
) -> None:
    width = tensors["token_embd.weight"].shape[1]
    layers = sum(name.endswith("ffn_up.weight") for name in tensors)
    hidden = tensors["blk.0.ffn_up.weight"].shape[0]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(width // _HEAD)
    writer.add_head_count_kv(width // _HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_HEAD)
    writer.add_vocab_size(len(vocabulary))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary)
    writer.add_token_scores([-float(place) for place in range(len(vocabulary))])
    writer.add_token_types([_kind(token) for token in vocabulary])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(value=True)
    writer.add_add_eos_token(value=False)
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template(TEMPLATE)
    for fact, value in (facts or {}).items():
        name = f"llama.{fact.replace('__', '.')}"
        if isinstance(value, bool):
            writer.add_bool(name, value)
        else:
            writer.add_uint32(name, value)
    _close(writer, tensors)


def _close(writer: gguf.GGUFWriter, tensors: Mapping[str, Tensor]) -> None:
    for name, value in tensors.items():
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _kind(token: str) -> gguf.TokenType:
    if token == "<unk>":  # noqa: S105 - not that kind of token
        return gguf.TokenType.UNKNOWN
    if token in SPECIAL:
        return gguf.TokenType.CONTROL
    if token.startswith("<0x"):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL

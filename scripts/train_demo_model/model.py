"""The model itself, in numpy: a small Llama (RMS norm, rotary attention, SwiGLU, tied embedding).

`loss_and_gradient` is the forward pass and a hand-written backward pass over one slice of a batch.
Parameters are a dict under their GGUF names.  Rotary pairs are interleaved, as llama.cpp wants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Numbers = NDArray[np.int64]
Params = dict[str, Array]

EPSILON = 1e-5
ROPE_BASE = 10_000.0
EMBEDDING = "token_embd.weight"
OUTPUT_NORM = "output_norm.weight"


@dataclass(frozen=True)
class Shape:
    """The sizes that make a model."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int

    @property
    def head_width(self) -> int:
        """The width of one attention head."""
        return self.width // self.heads

    def parameter_count(self) -> int:
        """Count the parameters (the embedding once: it is the output matrix too)."""
        layer = 4 * self.width**2 + 3 * self.width * self.hidden + 2 * self.width
        return self.vocabulary * self.width + self.layers * layer + self.width


class Batch(NamedTuple):
    """Token rows and the loss weight of each token as a target, both (rows, length)."""

    tokens: Numbers
    weights: Array


def initial_params(shape: Shape, seed: int) -> Params:
    """Draw the starting parameters; what writes to the residual stream starts smaller."""
    source = np.random.default_rng(seed)
    width, hidden = shape.width, shape.hidden

    def matrix(rows: int, columns: int, scale: float) -> Array:
        return (source.standard_normal((rows, columns)) * scale).astype(np.float32)

    reading = 0.6 * width**-0.5
    writing = 0.5 * (width * shape.layers) ** -0.5
    params = {EMBEDDING: matrix(shape.vocabulary, width, 0.02)}
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        for part in ("attn_q", "attn_k", "attn_v"):
            params[f"{name}{part}.weight"] = matrix(width, width, reading)
        params[f"{name}attn_output.weight"] = matrix(width, width, writing)
        params[f"{name}ffn_gate.weight"] = matrix(hidden, width, reading)
        params[f"{name}ffn_up.weight"] = matrix(hidden, width, reading)
        params[f"{name}ffn_down.weight"] = matrix(width, hidden, writing)
        params[f"{name}attn_norm.weight"] = np.ones(width, np.float32)
        params[f"{name}ffn_norm.weight"] = np.ones(width, np.float32)
    params[OUTPUT_NORM] = np.ones(width, np.float32)
    return params


class _Norm(NamedTuple):
    scaled: Array
    root: Array


def _norm(x: Array, gain: Array) -> tuple[Array, _Norm]:
    root = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON))
    scaled = x * root
    return scaled * gain, _Norm(scaled, root)


def _norm_back(grad: Array, gain: Array, kept: _Norm) -> tuple[Array, Array]:
    inner = grad * gain
    along = np.mean(inner * kept.scaled, axis=-1, keepdims=True)
    return kept.root * (inner - kept.scaled * along), np.sum(grad * kept.scaled, axis=0)


class _Rotation(NamedTuple):
    cos: Array
    sin: Array


def _rotation(length: int, width: int) -> _Rotation:
    speeds = ROPE_BASE ** (-np.arange(0, width, 2) / width)
    angles = np.outer(np.arange(length), speeds)
    return _Rotation(np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32))


def _rotate(x: Array, turn: _Rotation, direction: int = 1) -> Array:
    out = np.empty_like(x)
    even, odd = x[..., 0::2], x[..., 1::2]
    sin = turn.sin if direction > 0 else -turn.sin
    out[..., 0::2] = even * turn.cos - odd * sin
    out[..., 1::2] = even * sin + odd * turn.cos
    return out


class _Attention(NamedTuple):
    query: Array
    key: Array
    value: Array
    shares: Array
    mixed: Array


class _FeedForward(NamedTuple):
    gate: Array
    up: Array
    sigmoid: Array
    product: Array


class _LayerKept(NamedTuple):
    """What a layer's forward pass keeps for its backward pass."""

    attention_in: Array
    attention_norm: _Norm
    attention: _Attention
    feed_in: Array
    feed_norm: _Norm
    feed: _FeedForward


class _Pass:
    """One forward and backward pass over token rows of one shape."""

    def __init__(self, params: Params, shape: Shape, rows: int, length: int) -> None:
        self.params = params
        self.shape = shape
        self.rows = rows
        self.length = length
        self.turn = _rotation(length, shape.head_width)
        self.future = np.triu(np.full((length, length), -1e9, np.float32), 1)
        self.scale = np.float32(shape.head_width**-0.5)
        self.grads: Params = {}

    def weight(self, layer: int, name: str) -> Array:
        return self.params[f"blk.{layer}.{name}.weight"]

    def put(self, layer: int, name: str, grad: Array) -> None:
        self.grads[f"blk.{layer}.{name}.weight"] = grad

    def split(self, x: Array) -> Array:
        shape = (self.rows, self.length, self.shape.heads, self.shape.head_width)
        return np.ascontiguousarray(x.reshape(shape).transpose(0, 2, 1, 3))

    def join(self, x: Array) -> Array:
        return x.transpose(0, 2, 1, 3).reshape(-1, self.shape.width)

    def forward(self, tokens: Numbers) -> tuple[Array, list[_LayerKept]]:
        x = self.params[EMBEDDING][tokens].reshape(-1, self.shape.width)
        kept = []
        for layer in range(self.shape.layers):
            attention_in, attention_norm = _norm(x, self.weight(layer, "attn_norm"))
            attention = self.attend(layer, attention_in)
            x = x + attention.mixed @ self.weight(layer, "attn_output").T
            feed_in, feed_norm = _norm(x, self.weight(layer, "ffn_norm"))
            feed = self.feed(layer, feed_in)
            x = x + feed.product @ self.weight(layer, "ffn_down").T
            kept.append(
                _LayerKept(attention_in, attention_norm, attention, feed_in, feed_norm, feed)
            )
        return x, kept

    def attend(self, layer: int, x: Array) -> _Attention:
        query = _rotate(self.split(x @ self.weight(layer, "attn_q").T), self.turn)
        key = _rotate(self.split(x @ self.weight(layer, "attn_k").T), self.turn)
        value = self.split(x @ self.weight(layer, "attn_v").T)
        shares = query @ key.transpose(0, 1, 3, 2)
        shares *= self.scale
        shares += self.future
        shares -= shares.max(axis=-1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=-1, keepdims=True)
        return _Attention(query, key, value, shares, self.join(shares @ value))

    def feed(self, layer: int, x: Array) -> _FeedForward:
        gate = x @ self.weight(layer, "ffn_gate").T
        up = x @ self.weight(layer, "ffn_up").T
        sigmoid = 1 / (1 + np.exp(-gate))
        return _FeedForward(gate, up, sigmoid, gate * sigmoid * up)

    def backward(self, grad: Array, kept: list[_LayerKept]) -> Array:
        for layer in reversed(range(self.shape.layers)):
            grad = grad + self.feed_back(layer, grad, kept[layer])
            grad = grad + self.attend_back(layer, grad, kept[layer])
        return grad

    def feed_back(self, layer: int, grad: Array, kept: _LayerKept) -> Array:
        feed = kept.feed
        self.put(layer, "ffn_down", grad.T @ feed.product)
        product = grad @ self.weight(layer, "ffn_down")
        silu = feed.gate * feed.sigmoid
        up = product * silu
        gate = product * feed.up * (feed.sigmoid + silu * (1 - feed.sigmoid))
        self.put(layer, "ffn_gate", gate.T @ kept.feed_in)
        self.put(layer, "ffn_up", up.T @ kept.feed_in)
        inner = gate @ self.weight(layer, "ffn_gate") + up @ self.weight(layer, "ffn_up")
        back, gain = _norm_back(inner, self.weight(layer, "ffn_norm"), kept.feed_norm)
        self.put(layer, "ffn_norm", gain)
        return back

    def attend_back(self, layer: int, grad: Array, kept: _LayerKept) -> Array:
        query, key, value, shares, mixed = kept.attention
        self.put(layer, "attn_output", grad.T @ mixed)
        out = self.split(grad @ self.weight(layer, "attn_output"))
        value_grad = shares.transpose(0, 1, 3, 2) @ out
        scores = out @ value.transpose(0, 1, 3, 2)
        scores -= (scores * shares).sum(axis=-1, keepdims=True)
        scores *= shares
        scores *= self.scale
        query_grad = _rotate(scores @ key, self.turn, -1)
        key_grad = _rotate(scores.transpose(0, 1, 3, 2) @ query, self.turn, -1)
        inner = np.zeros_like(grad)
        for name, part in (("attn_q", query_grad), ("attn_k", key_grad), ("attn_v", value_grad)):
            joined = self.join(part)
            self.put(layer, name, joined.T @ kept.attention_in)
            inner += joined @ self.weight(layer, name)
        back, gain = _norm_back(inner, self.weight(layer, "attn_norm"), kept.attention_norm)
        self.put(layer, "attn_norm", gain)
        return back


def _output(
    params: Params, hidden: Array, targets: Numbers, weights: Array
) -> tuple[float, Array, Array]:
    """Give the weighted loss at the chosen places, its gradient there and the embedding's."""
    embedding = params[EMBEDDING]
    logits = hidden @ embedding.T
    logits -= logits.max(axis=-1, keepdims=True)
    chosen = np.arange(len(targets))
    picked = logits[chosen, targets].copy()
    np.exp(logits, out=logits)
    total = logits.sum(axis=-1, keepdims=True)
    loss = float(((np.log(total[:, 0]) - picked) * weights).sum())
    logits /= total
    logits[chosen, targets] -= 1
    logits *= weights[:, None]
    return loss, logits @ embedding, logits.T @ hidden


def _add_rows(target: Array, rows: Numbers, grads: Array) -> None:
    """Add each gradient to its row of the target, rows repeating, in a fixed order."""
    order = np.argsort(rows, kind="stable")
    unique, starts = np.unique(rows[order], return_index=True)
    target[unique] += np.add.reduceat(grads[order], starts, axis=0)


def loss_and_gradient(params: Params, shape: Shape, batch: Batch) -> tuple[float, Params]:
    """Give the loss (summed, by the batch's weights) and its gradient for every parameter."""
    tokens = batch.tokens[:, :-1]
    rows, length = tokens.shape
    run = _Pass(params, shape, rows, length)
    x, kept = run.forward(tokens)
    hidden, norm = _norm(x, params[OUTPUT_NORM])
    weights = batch.weights[:, 1:].reshape(-1)
    places = np.flatnonzero(weights)
    targets = batch.tokens[:, 1:].reshape(-1)[places]
    loss, hidden_grad, embedding = _output(params, hidden[places], targets, weights[places])
    spread = np.zeros_like(hidden)
    spread[places] = hidden_grad
    grad, run.grads[OUTPUT_NORM] = _norm_back(spread, params[OUTPUT_NORM], norm)
    _add_rows(embedding, tokens.reshape(-1), run.backward(grad, kept))
    run.grads[EMBEDDING] = embedding
    return loss, run.grads

"""How parameters move: Muon for the matrices inside the layers, AdamW for the rest.

Muon makes the momentum of a matrix roughly orthogonal with a few Newton-Schulz steps before using
it; at this size it learns in about half the steps that AdamW alone needs.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor

import numpy as np

from scripts.train_demo_model.model import EMBEDDING, Array, Params

_MOMENTUM = np.float32(0.95)
_DECAY = 0.1
_MUON_FACTOR = 0.75
_ADAM_FIRST, _ADAM_SECOND = 0.9, 0.98
_NEWTON_SCHULZ = (np.float32(3.4445), np.float32(-4.775), np.float32(2.0315))


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Give the rate of a step: a warm-up, 30 % of the way flat, then a cosine down to 2 %."""
    rising = min(1.0, (step + 1) / max(1.0, min(150.0, steps / 10)))
    way = step / steps
    if way < 0.3:
        return peak * rising
    falling = 0.5 * (1 + math.cos(math.pi * (way - 0.3) / 0.7))
    return peak * rising * (0.02 + 0.98 * falling)


def orthogonalised(matrix: Array) -> Array:
    """Bring a matrix's singular values near one, keeping its directions."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (np.linalg.norm(x) + np.float32(1e-7))
    a, b, c = _NEWTON_SCHULZ
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    scale = np.float32(max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5)
    result: Array = (x.T if tall else x) * scale
    return result


class Optimizer:
    """The moments of every parameter, and one update step over them."""

    def __init__(self, params: Params, pool: Executor) -> None:
        """Start with empty moments; the pool spreads the matrices over threads."""
        self._params = params
        self._pool = pool
        self._first = {name: np.zeros_like(value) for name, value in params.items()}
        self._second = {
            name: np.zeros_like(value)
            for name, value in params.items()
            if not self._is_inner_matrix(name)
        }
        self._steps = 0

    def _is_inner_matrix(self, name: str) -> bool:
        return self._params[name].ndim == 2 and name != EMBEDDING

    def step(self, grads: Params, rate: float) -> None:
        """Update the parameters in place (gradients are clipped to a norm of one)."""
        self._steps += 1
        norm = math.sqrt(sum(float(np.vdot(grad, grad)) for grad in grads.values()))
        clip = np.float32(min(1.0, 1.0 / max(norm, 1e-9)))

        def update(name: str) -> None:
            grad = grads[name] * clip
            if self._is_inner_matrix(name):
                self._muon(name, grad, rate)
            else:
                self._adam(name, grad, rate)

        list(self._pool.map(update, self._params))

    def _muon(self, name: str, grad: Array, rate: float) -> None:
        momentum = self._first[name]
        momentum *= _MOMENTUM
        momentum += grad
        value = self._params[name]
        value *= np.float32(1 - rate * _DECAY)
        value -= np.float32(rate * _MUON_FACTOR) * orthogonalised(grad + _MOMENTUM * momentum)

    def _adam(self, name: str, grad: Array, rate: float) -> None:
        first, second = self._first[name], self._second[name]
        first += np.float32(1 - _ADAM_FIRST) * (grad - first)
        second += np.float32(1 - _ADAM_SECOND) * (grad * grad - second)
        unbiased = np.sqrt(second / np.float32(1 - _ADAM_SECOND**self._steps))
        move = np.float32(rate / (1 - _ADAM_FIRST**self._steps)) * first
        self._params[name] -= move / (unbiased + np.float32(1e-9))

"""The training run: batches in, parameters and a record of the losses out.

A batch is cut into a fixed number of slices whose gradients are computed on separate threads (the
BLAS library itself runs single-threaded) and added in a fixed order.  So a run gives the same bits
for any number of threads, on the same kind of processor and the same numpy.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from scripts.train_demo_model.batches import batches, shards, vocabulary_for
from scripts.train_demo_model.chat_format import Example
from scripts.train_demo_model.model import Params, Shape, initial_params, loss_and_gradient
from scripts.train_demo_model.optimizer import Optimizer, learning_rate
from scripts.train_demo_model.tokenizer import Tokenizer

SLICES = 4
REPORT_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome of a run."""

    steps: int = 9000
    batch_tokens: int = 3072
    peak_rate: float = 0.008
    seed: int = 0
    context: int = 1024
    vocabulary: int = 1536
    width: int = 128
    layers: int = 5
    heads: int = 4
    hidden: int = 352

    def shape(self) -> Shape:
        """Give the model's sizes."""
        return Shape(self.vocabulary, self.width, self.layers, self.heads, self.hidden)


@dataclass
class Outcome:
    """What a run leaves: the vocabulary, the parameters, each step's loss, the seconds taken."""

    tokenizer: Tokenizer
    params: Params
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


def _gradient(
    params: Params, shape: Shape, rows: list[Example], pool: Executor
) -> tuple[float, Params]:
    """Give a batch's mean loss and gradient, its slices computed side by side."""
    parts = list(
        pool.map(lambda part: loss_and_gradient(params, shape, part), shards(rows, SLICES))
    )
    weight = sum(weight for row in rows for weight in row.weights[1:])
    grads: Params = {}
    for name in params:
        total = parts[0][1][name]
        for part in parts[1:]:
            total = total + part[1][name]
        grads[name] = total * np.float32(1 / weight)
    return sum(part[0] for part in parts) / weight, grads


class _Progress:
    """A line now and then with the recent loss and the time that is left."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._started = time.monotonic()
        self._last = self._started

    def tell(self, losses: list[float]) -> None:
        """Say where the run stands, if the last time is a while ago."""
        now, done = time.monotonic(), len(losses)
        if now - self._last < REPORT_SECONDS and done < self._steps:
            return
        self._last = now
        recent = losses[-100:]
        left = (now - self._started) / done * (self._steps - done)
        sys.stderr.write(
            f"step {done:>5}/{self._steps}  loss {sum(recent) / len(recent):.4f}  "
            f"{now - self._started:.0f} s, about {left / 60:.1f} min left\n"
        )


def train(plan: Plan, *, threads: int, stop_after: int | None = None) -> Outcome:
    """Run the plan, or only its first `stop_after` steps."""
    started = time.monotonic()
    shape = plan.shape()
    tokenizer = Tokenizer(vocabulary_for(plan.vocabulary))
    outcome = Outcome(tokenizer, initial_params(shape, plan.seed))
    steps = plan.steps if stop_after is None else min(stop_after, plan.steps)
    stream = batches(
        tokenizer, seed=plan.seed, context=plan.context, batch_tokens=plan.batch_tokens
    )
    sys.stderr.write(f"{shape.parameter_count():,} parameters, {steps} steps\n")
    progress = _Progress(steps)
    with ThreadPoolExecutor(threads) as pool:
        optimizer = Optimizer(outcome.params, pool)
        for step in range(steps):
            loss, grads = _gradient(outcome.params, shape, next(stream), pool)
            optimizer.step(grads, learning_rate(step, plan.steps, plan.peak_rate))
            outcome.losses.append(loss)
            progress.tell(outcome.losses)
    outcome.seconds = time.monotonic() - started
    return outcome

"""Vectors of texts, and the tokens of a request."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from sidecar.engine.estimate import estimate
from sidecar.rpc.methods import Call
from sidecar.values import (
    AIRequest,
    EmbedRequest,
    ExecutionId,
    ProviderName,
    Said,
    Timeouts,
    TokenUsage,
    Value,
)

if TYPE_CHECKING:
    from sidecar.app import App

MOST_TEXTS = 256
"""Of one request: the answer is one line, and the longest vectors have 4,096 numbers."""
Text = Annotated[str, Meta(min_length=1)]


class EmbedParams(Value, frozen=True):
    """Texts to be turned into vectors. `provider` is left out for the active one.

    `dimensions` shortens the vectors, where the model can do that. `extra` is merged into the body
    that goes to the provider.
    """

    model: Annotated[str, Meta(min_length=1, max_length=300)]
    input: Text | Annotated[list[Text], Meta(min_length=1, max_length=MOST_TEXTS)]
    provider: ProviderName | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    extra: dict[str, Any] | None = None
    timeouts: Timeouts | None = None
    execution_id: ExecutionId | None = None


class EmbedResult(Said, frozen=True):
    """A vector for each text, in their order. `model` as the provider names it."""

    embeddings: list[list[float]]
    model: str
    provider: str
    dimensions: int
    usage: TokenUsage | None = None
    warnings: list[str] | None = None


class CountParams(Value, frozen=True):
    """What would be asked. `provider` is left out for the active one."""

    request: AIRequest
    provider: ProviderName | None = None
    execution_id: ExecutionId | None = None


class CountResult(Said, frozen=True):
    """Tokens of the prompt. `estimated`: the provider does not tell, and this is about right."""

    tokens: int
    estimated: bool
    model: str
    provider: str
    warnings: list[str] | None = None


def embed(app: App, params: EmbedParams, call: Call) -> Coroutine[None, None, EmbedResult]:
    """Turn texts into vectors. Large inputs are sent in several requests, as the provider takes.

    `cancel_execution` stops it by its `execution_id`; it answers with error -32800 then.
    """
    del call
    texts = [params.input] if isinstance(params.input, str) else params.input
    request = EmbedRequest(
        input=texts,
        dimensions=params.dimensions,
        extra=params.extra,
        timeouts=params.timeouts,
    )
    job = app.executions.job(params.execution_id)
    return job.run(_embedded(app, params, request, job.id))


def count_tokens(app: App, params: CountParams, call: Call) -> Coroutine[None, None, CountResult]:
    """Count the tokens of a request before it is sent: natively, or as a marked estimate."""
    del call
    job = app.executions.job(params.execution_id)
    return job.run(_counted(app, params, job.id))


async def _embedded(
    app: App, params: EmbedParams, request: EmbedRequest, execution_id: str
) -> EmbedResult:
    row, facts, found = await app.questions.embed(
        params.provider, params.model, request, execution_id
    )
    return EmbedResult(
        embeddings=found.vectors,
        model=facts.model or params.model,
        provider=row.vendor.name,
        dimensions=len(found.vectors[0]),
        usage=found.usage,
        warnings=facts.warnings or None,
    )


async def _counted(app: App, params: CountParams, execution_id: str) -> CountResult:
    asked = app.questions.count_tokens(params.provider, params.request, execution_id)
    row, model, facts, tokens = await asked
    if tokens is not None:
        found, warnings = tokens, facts.warnings
    else:
        found, warnings = estimate(params.request)
    return CountResult(
        tokens=found,
        estimated=tokens is None,
        model=model,
        provider=row.vendor.name,
        warnings=warnings or None,
    )

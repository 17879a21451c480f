"""Local models as a provider: ids become rows, the supervisor does the rest."""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.local.models import LocalModel, find
from sidecar.local.place import Place
from sidecar.local.supervisor import Supervisor
from sidecar.providers.format import Embedded
from sidecar.providers.sink import Facts, Sink
from sidecar.values import AIRequest, EmbedRequest, ModelInfo

_CUT = "Local vectors are shortened by cutting: only models that were trained for it take it well."


class LocalProvider:
    """The models of this machine, by their ids."""

    def __init__(self, supervisor: Supervisor, models: Iterable[LocalModel], place: Place) -> None:
        self._supervisor = supervisor
        self._models = tuple(models)
        self._place = place

    async def stream(self, request: AIRequest, model: str, sink: Sink) -> None:
        """Stream one answer into `sink`. Raises `ModelNotFound` and what `Supervisor.chat` does."""
        self._place.check()
        await self._supervisor.chat(request, find(self._models, model), sink)

    async def embed(self, request: EmbedRequest, model: str, facts: Facts) -> Embedded:
        """Turn texts into vectors of length 1. Raises `ModelNotFound` and as `stream` does.

        A chat model's vectors are the mean of its last layer. It was not trained for them: they
        are good for a rough search at best, and those of the demo model for a demo.
        """
        self._place.check()
        if request.dimensions is not None:
            facts.warn(_CUT)
        return await self._supervisor.embed(request, find(self._models, model), facts)

    async def count_tokens(self, request: AIRequest, model: str, facts: Facts) -> int:
        """Count a prompt's tokens by the model's own template and vocabulary, as a chat has it."""
        self._place.check()
        return await self._supervisor.count(request, find(self._models, model), facts)

    def models(self) -> list[ModelInfo]:
        """Return what `list_models` says about them."""
        return [model.info() for model in self._models]

    def available(self) -> bool:
        """Return whether there is a model and llama.cpp to run it."""
        return bool(self._models) and self._place.has_engine()

    def default_model(self) -> str | None:
        """Return the model for requests that name none: the first row."""
        return self._models[0].id if self._models else None

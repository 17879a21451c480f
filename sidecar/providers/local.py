"""Local models as a provider: ids become rows, the supervisor does the rest."""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.local.models import LocalModel, find
from sidecar.local.place import Place
from sidecar.local.supervisor import Supervisor
from sidecar.providers.sink import Sink
from sidecar.values import AIRequest, ModelInfo


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

    def models(self) -> list[ModelInfo]:
        """Return what `list_models` says about them."""
        return [model.info() for model in self._models]

    def available(self) -> bool:
        """Return whether there is a model and llama.cpp to run it."""
        return bool(self._models) and self._place.has_engine()

    def default_model(self) -> str | None:
        """Return the model for requests that name none: the first row."""
        return self._models[0].id if self._models else None

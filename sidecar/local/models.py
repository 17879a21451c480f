"""The rows of the models that run on this machine.

A row says where a model's GGUF file lies and how it is to be run; it loads nothing. The demo
model is bundled: its row is made of `demo.json`, which the training script writes beside
`demo.gguf`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sidecar.errors import ComponentMissing, ModelNotFound
from sidecar.local.protocol import ModelSpec
from sidecar.values import ModelInfo

PROVIDER = "local"
DEMO = "demo"
_HERE = Path(__file__).parent


class LocalModel(Struct, frozen=True, kw_only=True):
    """One model on this machine.

    `context` is the number of tokens that prompt and answer may have together, `gpu_layers` how
    many layers go to the GPU (-1: all). `temperature` and `top_p` hold where a request names none.
    """

    id: str
    path: str
    context: Annotated[int, Meta(ge=1)]
    display_name: str | None = None
    gpu_layers: Annotated[int, Meta(ge=-1)] = -1
    threads: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0)] = 0.8
    top_p: Annotated[float, Meta(ge=0, le=1)] = 0.95

    def spec(self) -> ModelSpec:
        """Return what the worker needs to load it."""
        return ModelSpec(
            path=self.path,
            context=self.context,
            gpu_layers=self.gpu_layers,
            threads=self.threads,
        )

    def info(self) -> ModelInfo:
        """Return what `list_models` says about it."""
        return ModelInfo(
            id=self.id,
            provider=PROVIDER,
            display_name=self.display_name,
            context_window=self.context,
            input_modalities=["text"],
        )


class _DemoFacts(Struct, frozen=True):
    """What this room needs of demo.json."""

    name: str
    file: str
    context_length: int


def bundled(folder: Path = _HERE) -> LocalModel:
    """Return the demo model's row. Raises `ComponentMissing` where it was left out.

    It is tiny: two threads wait for each other longer than they save, on a busy machine by far, and
    near the likeliest words it is at its best.
    """
    try:
        facts = msgspec.json.decode((folder / "demo.json").read_bytes(), type=_DemoFacts)
    except (OSError, msgspec.MsgspecError) as error:
        raise ComponentMissing(
            f"the demo model is not installed: {error}",
            hint="Install AI Sidecar again, or choose another model.",
        ) from error
    return LocalModel(
        id=DEMO,
        path=str(folder / facts.file),
        context=facts.context_length,
        display_name=facts.name,
        gpu_layers=0,
        threads=1,
        temperature=0.2,
        top_p=0.9,
    )


def find(models: Iterable[LocalModel], model_id: str) -> LocalModel:
    """Return the row of that id. Raises `ModelNotFound`, whose hint names the known ones."""
    known = {model.id: model for model in models}
    if model_id not in known:
        raise ModelNotFound(
            f"there is no local model {model_id!r}",
            hint=f"The local models are: {', '.join(known) or 'none'}.",
            provider=PROVIDER,
        )
    return known[model_id]

"""What is known of models beforehand, for what their provider does not tell itself.

known_models.json beside this file is written by scripts/update_catalog. It is read when it is
first asked for, and of it one host alone: limits and prices are those of the host that serves a
model, whatever the row is called that leads there. So two rows of one host share them, and a row
that was pointed at a server of one's own has none. Azure has none either: what somebody called a
deployment says nothing about it.

A model's id has to be known exactly, or under a name that its provider documents for the same
model. Where that is doubtful, nothing is known: a wrong price is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from sidecar.errors import ComponentMissing
from sidecar.values import ModelInfo, ModelPrices, PriceTier

FILE = Path(__file__).with_suffix(".json")

_OPENAI = "api.openai.com"
_ANTHROPIC = "api.anthropic.com"
_PREFIXES = {
    # ai.google.dev/api/models: "models/{model}" is the resource's name, {model} its id
    "generativelanguage.googleapis.com": "models/",
    # docs.fireworks.ai: "accounts/fireworks/models/{model}" are the ones it serves itself
    "api.fireworks.ai": "accounts/fireworks/models/",
}
_DATES = {_OPENAI: "-%Y-%m-%d", _ANTHROPIC: "-%Y%m%d"}
"""How a provider marks a snapshot of the model whose name stands before it."""


class _Filed(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What stands in the file."""


class KnownPrices(_Filed, frozen=True):
    """`ModelPrices` as they are filed: in USD, of the file's date."""

    input: float
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    tiers: list[PriceTier] | None = None


class KnownModel(
    _Filed,
    frozen=True,
    rename={
        "context_window": "context",
        "max_output_tokens": "max_output",
        "input_modalities": "in",
        "output_modalities": "out",
        "structured_output": "structured",
        "deprecation_date": "deprecated",
    },
):
    """One model; the fields are those of `ModelInfo`, under short names in the file."""

    kind: Literal["chat", "embedding"] | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_modalities: list[str] | None = None
    output_modalities: list[str] | None = None
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    prices: KnownPrices | None = None
    deprecation_date: str | None = None


class KnownHost(_Filed, frozen=True):
    """What one host serves. `alike`: models of which the same is known as of another one."""

    models: dict[str, KnownModel]
    alike: dict[str, str]


class KnownFile(_Filed, frozen=True):
    """The file. `date` is the day it was made on, `sources` are the packages it was made of."""

    date: str
    sources: dict[str, str]
    hosts: dict[str, KnownHost]


class _Sliced(Struct, frozen=True):
    """The file, each host as it lies there."""

    date: str
    hosts: dict[str, msgspec.Raw]


class _Served(Struct, frozen=True):
    """What is known of one host, and from when that is."""

    name: str
    date: str
    host: KnownHost

    def get(self, name: str) -> KnownModel | None:
        """Look up a model under a name that is known as it is."""
        models, alike = self.host.models, self.host.alike
        return models.get(name) or models.get(alike.get(name, ""))


def completed(models: list[ModelInfo], base_url: str | None) -> list[ModelInfo]:
    """Return the models with what is known of them besides; what they say themselves stays.

    Raises `ComponentMissing` where the file can't be read.
    """
    served = _served(_host(base_url))
    return models if served is None else [_completed(model, served) for model in models]


def _completed(model: ModelInfo, served: _Served) -> ModelInfo:
    known = _find(served, model.id)
    if known is None:
        return model
    found = {name: getattr(known, name) for name in KnownModel.__struct_fields__}
    found["prices"] = _prices(known.prices, served.date)
    window = model.context_window or known.context_window
    if window and (known.max_output_tokens or 0) > window:
        found["max_output_tokens"] = None  # the provider runs it with less than the file knows
    gaps = {name: value for name, value in found.items() if getattr(model, name) is None}
    return msgspec.structs.replace(model, **gaps)


def _prices(known: KnownPrices | None, day: str) -> ModelPrices | None:
    if known is None:
        return None
    return ModelPrices(currency="USD", as_of=day, **msgspec.structs.asdict(known))


def _find(served: _Served, model: str) -> KnownModel | None:
    for name in _names(served.name, model):
        if (found := served.get(name)) is not None:
            return found
    return _snapshot(served, model)


def _names(host: str, model: str) -> Iterator[str]:
    """The names under which the model may be known."""
    yield model
    prefix = _PREFIXES.get(host)
    if prefix and model.startswith(prefix):
        yield model.removeprefix(prefix)
    if host == _OPENAI and model.startswith("ft:"):
        # ft:MODEL:ORGANIZATION:NAME:ID; what is filed of all tunings of one model is ft:MODEL
        yield ":".join(model.split(":", 2)[:2])


def _snapshot(served: _Served, model: str) -> KnownModel | None:
    """A dated model that is not known by itself, where all known ones of its name are alike.

    One from after the file's date may be anything. When it goes is not known.
    """
    marked = _DATES.get(served.name)
    if marked is None:
        return None
    day = date.fromisoformat(served.date)
    length = len(day.strftime(marked))
    name, mark = model[:-length], model[-length:]
    made = _day(mark, marked)
    found = served.get(name)
    if found is None or made is None or made > day:
        return None
    found = msgspec.structs.replace(found, deprecation_date=None)
    for other in (*served.host.models, *served.host.alike):
        if other[:-length] == name and _day(other[-length:], marked):
            known = served.get(other)
            if known and msgspec.structs.replace(known, deprecation_date=None) != found:
                return None
    return found


def _day(mark: str, marked: str) -> date | None:
    """The date in a mark, or None for what is none; strptime would take fewer digits, too."""
    digits = mark.replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 8):  # noqa: PLR2004 - YYYYMMDD
        return None
    try:
        day = date.fromisoformat(digits)
    except ValueError:
        return None
    return day if day.strftime(marked) == mark else None


def _host(base_url: str | None) -> str:
    return (urlsplit(base_url).hostname or "") if base_url else ""


@lru_cache(maxsize=32)
def _served(host: str) -> _Served | None:
    if not host:
        return None
    try:
        sliced = msgspec.json.decode(FILE.read_bytes(), type=_Sliced)
        if host not in sliced.hosts:
            return None
        return _Served(host, sliced.date, msgspec.json.decode(sliced.hosts[host], type=KnownHost))
    except (OSError, msgspec.MsgspecError) as error:
        raise ComponentMissing(
            f"What is known of models can't be read: {error}.",
            hint="Install AI Sidecar again.",
        ) from error

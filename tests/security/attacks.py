"""Every text that a front end can send, from the contract's own table.

Nobody lists methods or parameters here: they come from METHODS by the schema of each method's
parameters. For each place that can hold a text (nested, in arrays, as the name of a field, and
where a number should stand) there are valid parameters around it, and attack values for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from sidecar.rpc.methods import Method

Json = dict[str, Any]
BESIDE = "spare"
"""The provider whose keys and settings are changed, so that the canary's own stays as it is."""
TARGET = "hostile"
_SMALL = 8
_CHANGING = ("configure_provider", "set_api_key", "delete_api_key")

_USUAL = {
    "provider": TARGET,
    "model": "m",
    "base_url": "http://127.0.0.1:9/v1",
    "url": "https://127.0.0.1/picture.png",
    "data": "aGk=",
}
# What a type asks for beyond its schema, as alternatives; the first that has the field, else the
# first, is put around it.
_RULES: dict[str, tuple[Json, ...]] = {
    "AIMessage": ({"role": "assistant", "content": "hi"},),
    "ImagePart": ({"url": _USUAL["url"]}, {"data": "aGk=", "media_type": "image/png"}),
    "FilePart": ({"url": _USUAL["url"]}, {"data": "aGk=", "media_type": "application/pdf"}),
}


@dataclass(frozen=True)
class Place:
    """A place for a text in a method's parameters."""

    path: str
    build: Callable[[Any], Any]
    """Returns parameters with a value at this place."""
    benign: Any
    """A value that is valid here; None where none is (an unknown field)."""

    @property
    def top(self) -> str:
        """The parameter that it lies in."""
        return self.path.removeprefix("$.").partition(".")[0].partition("[")[0]


class Schema:
    """The parameters of one method."""

    def __init__(self, name: str, method: Method) -> None:
        self._usual = _USUAL | ({"provider": BESIDE} if name in _CHANGING else {})
        (self._root,), self._types = msgspec.json.schema_components(
            [method.params], ref_template="{name}"
        )

    def valid(self) -> Json:
        """Return the least that the method takes."""
        return dict(self._least(self._root))

    def places(self) -> list[Place]:
        """Return every place."""
        return list(self._places(self._root, "$", lambda value: value, ()))

    def _least(  # noqa: PLR0911 - one per kind of schema
        self, schema: Json, name: str = ""
    ) -> Any:  # noqa: ANN401 - any JSON
        if "$ref" in schema:
            return self._object(schema["$ref"])
        if "anyOf" in schema:
            return self._least(schema["anyOf"][0], name)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "string" | None:
                return self._usual.get(name, "a" * max(1, schema.get("minLength", 1)))
            case "array":
                return [self._least(schema["items"])] if schema.get("minItems") else []
            case "object":
                return {}
            case "integer" | "number":
                return max(1, schema.get("minimum", 1))
            case kind:
                return {"boolean": False, "null": None}[kind]

    def _object(self, type_name: str, around: str = "") -> Json:
        schema = self._types[type_name]
        rules = _RULES.get(type_name, ({},))
        needed = {
            name: self._least(schema["properties"][name], name)
            for name in schema.get("required", ())
        }
        return needed | next((rule for rule in rules if around in rule), rules[0])

    def _places(
        self, schema: Json, path: str, build: Callable[[Any], Any], inside: tuple[str, ...]
    ) -> Iterator[Place]:
        if "$ref" in schema:
            yield from self._places_of_type(schema["$ref"], path, build, inside)
        elif "anyOf" in schema:
            for option in schema["anyOf"]:
                yield from self._places(option, path, build, inside)
        elif schema.get("type") == "array":
            yield from self._places(
                schema["items"], f"{path}[0]", lambda value: build([value]), inside
            )
        elif schema.get("type") == "object" or not schema:
            yield Place(f"{path}.any", lambda value: build({"any": value}), "a")
            yield Place(f"{path}.(name)", lambda value: build({str(value): "a"}), "a")
        elif schema.get("type") != "null":
            name = path.rpartition(".")[2].partition("[")[0]
            yield Place(path, build, self._least(schema, name))

    def _places_of_type(
        self, type_name: str, path: str, build: Callable[[Any], Any], inside: tuple[str, ...]
    ) -> Iterator[Place]:
        if type_name in inside:
            return  # a type within itself
        for name, schema in self._types[type_name].get("properties", {}).items():
            put = partial(_put, build, self._object(type_name, name), name)
            yield from self._places(schema, f"{path}.{name}", put, (*inside, type_name))
        least = self._object(type_name)
        yield Place(f"{path}.unknown", lambda value: build(least | {"unknown": value}), None)
        yield Place(f"{path}.(name)", lambda value: build(least | {str(value): 1}), None)


def _put(build: Callable[[Any], Any], around: Json, name: str, value: object) -> Any:  # noqa: ANN401
    return build(around | {name: value})


@dataclass(frozen=True)
class Attack:
    """One value at one place of one method. `pasted`: it holds a whole key that is kept."""

    method: str
    path: str
    params: Json
    kind: str
    pasted: bool


Values = dict[str, tuple[str, ...]]
"""Attack values by their kind."""


@dataclass(frozen=True)
class Turn:
    """Which one it is of how many sieges with the same attacks."""

    number: int
    of: int


ALONE = Turn(0, 1)


def attacks(name: str, method: Method, values: Values, turn: Turn = ALONE) -> list[Attack]:
    """Every place of a method, with a value of each kind; of small methods with every value.

    A place of a large method gets one value of each kind, the next place and the next turn the
    next one; where there are several turns, in every second of them. A place for a key or a
    password, where any text is as good as another, and dear, gets its part of the values: all turns
    together give every one. A whole key, which must be the first kind, goes everywhere but there.
    """
    schema = Schema(name, method)
    places = schema.places()
    every = len(places) < _SMALL
    found = [Attack(name, "$", schema.valid(), "none", pasted=False)] if name != "shutdown" else []
    for number, place in enumerate(places):
        secret = place.top in method.secrets
        for nth, (kind, options) in enumerate(values.items()):
            if turn.of > 1 and not every and nth and (nth + number + turn.number) % 2:
                continue  # the first kind, whole keys, is everybody's
            one = (options[(number + turn.number) % len(options)],)
            part = options[turn.number :: turn.of] if secret else options
            chosen = (part or one) if every else one
            pasted = kind == "a pasted key" and not secret
            found += [
                Attack(name, place.path, place.build(value), kind, pasted) for value in chosen
            ]
    return found

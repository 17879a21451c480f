"""Raw parameters against their type, and errors that say where and what instead.

`InvalidParams.path` is a JSONPath below `params`: `$.request.messages[0].role`.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import types
import typing
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw, UnsetType

from sidecar.errors import InvalidParams, ParseError

_AT = " - at `"
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<type>[^`]*)`, got")
_LEAST = re.compile(r"Expected `(?P<type>str|int|float)`(?: of length)? >= (?P<least>[\d.]+)")
_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
"""JSON's kinds for people; msgspec's names are Python's."""
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`", re.DOTALL)
_LONGEST = 200
"""Characters of what a client sent that an error quotes: a line may have millions."""


@cache
def _decoder(kind: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode_params(kind: type, raw: Raw | UnsetType) -> Any:  # noqa: ANN401 - the caller names it
    """Decode `raw` as `kind`, a Struct type. Raises `InvalidParams` with the path."""
    data = b"{}" if isinstance(raw, UnsetType) else bytes(raw)
    if data[:1] == b"[":
        message = "Parameters are given by name, as an object."
        raise InvalidParams(message, path="$")
    try:
        return _decoder(kind).decode(data)
    except msgspec.ValidationError as error:
        raise explain(kind, str(error), _as_it_came(data)) from None
    except RecursionError:
        # There is less room than the envelope's decoder had, which found no fault.
        raise ParseError("The JSON is nested too deeply.", hint="Flatten the value.") from None
    except msgspec.DecodeError as error:
        # The envelope's decoder skips over `params`; what it could not see comes out here.
        message = f"The parameters are not valid JSON: {error}."
        hint = "Escape characters beyond U+FFFF as a pair of surrogates, or send plain UTF-8."
        raise ParseError(message, hint=hint) from None


def _as_it_came(data: bytes) -> object:
    try:
        return json.loads(data)  # which reads a number beyond all as infinite
    except (ValueError, RecursionError):
        return None


def explain(kind: Any, text: str, value: object = None) -> InvalidParams:  # noqa: ANN401
    """Turn a message of msgspec about `kind` into an error with its path and what is allowed.

    `value` is what was decoded; it tells which member of a union was meant.
    """
    what, at, path = text.rpartition(_AT)
    what, path = (what, path.removesuffix("`")) if at else (text, "$")
    place = _type_at(kind, path)
    path = _exact(path, what, value)
    if unknown := _UNKNOWN.fullmatch(what):
        name = _short(unknown["field"])
        message = f"Unknown parameter `{name}`."
        return InvalidParams(
            message, path=f"{path}.{name}", hint=_known_fields(place, name, _tag_at(value, path))
        )
    if missing := _MISSING.fullmatch(what):
        name = missing["field"]
        return InvalidParams(f"`{name}` is required.", path=f"{path}.{name}", hint=f"Add `{name}`.")
    hint = _allowed_values(place) or _plain_words(what)
    return InvalidParams(f"{_short(what)}.", path=path, hint=hint)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _plain_words(what: str) -> str | None:
    if what == "Expected `array` of length >= 1":
        return "Add at least one."
    if what == "Expected `str` of length >= 1":
        return "Don't leave it empty."
    if least := _LEAST.fullmatch(what):
        return f"Give {least['least']}{' characters' if least['type'] == 'str' else ''} or more."
    wanted = _EXPECTED.match(what)
    if wanted is None:
        return None
    given = [each for each in wanted["type"].split(" | ") if each != "null"]
    return f"Give {' or '.join(_WORDS.get(each, each) for each in given)}."


def _exact(path: str, what: str, value: object) -> str:
    """Put in the key where msgspec prints `[...]` for any value of an object."""
    before, any_key, _ = path.partition("[...]")
    if not any_key:
        return path
    wrong = _is_no_number if what == "Number out of range" else _is_no_text
    return before + (_way_to(_at(value, before), wrong) or any_key)


def _is_no_number(value: object) -> bool:
    return value in (math.inf, -math.inf)


def _is_no_text(value: object) -> bool:
    return not isinstance(value, str)


def _way_to(value: object, wrong: Callable[[object], bool]) -> str | None:
    """The rest of the path to the first value below this one that is `wrong`."""
    inside: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        inside = ((f".{key}", item) for key, item in value.items())
    elif isinstance(value, list):
        inside = ((f"[{index}]", item) for index, item in enumerate(value))
    for step, item in inside:
        if wrong(item):
            return step
        if (rest := _way_to(item, wrong)) is not None:
            return step + rest
    return None


def _at(value: object, path: str) -> object:
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and index:
            value = value[int(index)]
    return value


def _tag_at(value: object, path: str) -> object:
    """The `type` of the object at `path`, which tells the members of a union apart."""
    found = _at(value, path)
    return found.get("type") if isinstance(found, dict) else None


def _known_fields(place: Any, wrong: str, tag: object) -> str | None:  # noqa: ANN401
    options = _options(place)
    meant = [
        each
        for each in options
        if getattr(each, "__struct_config__", None) and each.__struct_config__.tag == tag
    ]
    for option in meant or options:
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            names = [field.encode_name for field in msgspec.structs.fields(option)]
            below = [name for name in names if _has_field(_field_type(option, name), wrong)]
            if len(below) == 1:
                return f"It belongs into `{below[0]}`."
            if not names:
                return "Nothing is known here; leave it out."
            close = difflib.get_close_matches(wrong, names, n=1)
            return f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(names)}."
    return None


def _has_field(place: Any, name: str) -> bool:  # noqa: ANN401 - any type annotation
    """True for the one type of a place that has this field; unions have names of their own."""
    options = [each for each in _options(place) if each is not types.NoneType]
    is_struct = len(options) == 1 and hasattr(options[0], "__struct_fields__")
    return is_struct and name in options[0].__struct_encode_fields__


def _allowed_values(place: Any) -> str | None:  # noqa: ANN401 - any type annotation
    words: list[str] = []
    for option in _options(place):
        if typing.get_origin(option) is typing.Literal:
            words += [str(word) for word in typing.get_args(option)]
        elif isinstance(option, type) and issubclass(option, msgspec.Struct):
            tag = option.__struct_config__.tag
            words += [f'{{"type": "{tag}", …}}'] if isinstance(tag, str) else []
    return f"Allowed: {', '.join(words)}." if words else None


def _type_at(kind: Any, path: str) -> Any:  # noqa: ANN401 - any type annotation
    """Follow a path as msgspec prints it through a type; None where it leads nowhere."""
    place = kind
    for step in re.findall(r"\.([^.\[\]]+)|(\[[^\]]*\])", path.removeprefix("$")):
        name, index = step
        place = _item_type(place) if index else _field_type(place, name)
        if place is None:
            return None
    return place


def _field_type(place: Any, name: str) -> Any:  # noqa: ANN401 - any type annotation
    for option in _options(place):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            hints = typing.get_type_hints(option, include_extras=True)
            for field in msgspec.structs.fields(option):
                if field.encode_name == name:
                    return hints[field.name]
            if name == option.__struct_config__.tag_field:
                return place
    return None


def _item_type(place: Any) -> Any:  # noqa: ANN401 - any type annotation
    for option in _options(place):
        if typing.get_origin(option) in (list, dict):
            return typing.get_args(option)[-1]
    return None


def _options(place: Any) -> list[Any]:  # noqa: ANN401 - any type annotation
    """The members of a union, without its Annotated wrappings."""
    if typing.get_origin(place) is typing.Annotated:
        return _options(typing.get_args(place)[0])
    if typing.get_origin(place) in (typing.Union, types.UnionType):
        return [inner for option in typing.get_args(place) for inner in _options(option)]
    return [place]

"""JSON Schema as the API takes it for structured output.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations.
It compiles the schema to a grammar, and refuses what that can't express. Such a constraint becomes
a word of guidance in the description; the answer is held against the schema as it was given
(`engine/structured.py`), so nothing gets past it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts

_KEPT = frozenset(
    {
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "default",
        "definitions",
        "description",
        "enum",
        "items",
        "properties",
        "required",
        "title",
        "type",
    }
)
_FORMATS = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "time",
        "uri",
        "uuid",
    }
)
_SHORTEST = (0, 1)
"""What `minItems` may be."""


def compilable(schema: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """Return the schema in a form that can be compiled, and tell what was moved.

    Raises `InvalidParams` for one that is nested too deeply.
    """
    moved: set[str] = set()
    try:
        found: dict[str, Any] = _schema(schema, moved)
    except RecursionError:
        message, path = "The schema is nested too deeply.", "$.request.response_format.schema"
        raise InvalidParams(message, path=path, hint="Flatten it.") from None
    if moved:
        names = ", ".join(f"`{name}`" for name in sorted(moved))
        facts.warn(
            f"The provider can't enforce {names}; the model was told in the schema's descriptions, "
            "and the answer is checked here."
        )
    return found


def _schema(given: Any, moved: set[str]) -> Any:  # noqa: ANN401 - an object, or true or false
    if not isinstance(given, dict):
        return given
    found: dict[str, Any] = {}
    guidance: dict[str, Any] = {}
    for name, value in given.items():
        if name == "oneOf" and "anyOf" not in given:
            found["anyOf"] = _below("anyOf", value, moved)
        elif _is_kept(name, value):
            found[name] = _below(name, value, moved)
        else:
            guidance[name] = value
    is_object = found.get("type") == "object" or "properties" in found
    if is_object and found.get("additionalProperties", True) is True:
        found["additionalProperties"] = False  # it must say so; what fits this fits the schema
    if guidance:
        moved.update(guidance)
        said = msgspec.json.encode(guidance).decode()
        about = found.get("description")
        found["description"] = f"{about}\n\n{said}" if about else said
    return found


def _is_kept(name: str, value: object) -> bool:
    if name == "format":
        return value in _FORMATS
    if name == "minItems":
        return value in _SHORTEST
    return name in _KEPT


def _below(name: str, value: Any, moved: set[str]) -> Any:  # noqa: ANN401 - any JSON
    if name in ("$defs", "definitions", "properties") and isinstance(value, dict):
        return {each: _schema(schema, moved) for each, schema in value.items()}
    if name in ("allOf", "anyOf") and isinstance(value, list):
        return [_schema(schema, moved) for schema in value]
    return _schema(value, moved) if name == "items" else value

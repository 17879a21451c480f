"""The contract as OpenRPC (https://spec.open-rpc.org) and as JSON Schema, from its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar import PROTOCOL_VERSION, errors
from sidecar.errors import AIError
from sidecar.rpc.methods import Method, NotificationType

_OPENRPC = "1.3.2"
_IN_OPENRPC = "#/components/schemas/{name}"
_IN_SCHEMA = "#/$defs/{name}"


def document(
    methods: Mapping[str, Method], notifications: Mapping[str, NotificationType]
) -> dict[str, Any]:
    """Return the OpenRPC document.

    Notifications, for which OpenRPC has no place, stand in `x-notifications`; the tree of errors
    in `components.errors`.
    """
    schema_of, components = _components(methods, notifications, _IN_OPENRPC)
    return {
        "openrpc": _OPENRPC,
        "info": {
            "title": "AI Sidecar",
            "version": PROTOCOL_VERSION,
            "description": "JSON-RPC 2.0, one message a line, on stdin and stdout. "
            "See protocol/README.md.",
        },
        "methods": [
            _method(name, method, schema_of, components) for name, method in methods.items()
        ],
        "x-notifications": [
            {"name": name, "summary": each.summary, "params": schema_of[each.params]}
            for name, each in notifications.items()
        ],
        "components": {"schemas": components, "errors": _errors()},
    }


def schema(
    methods: Mapping[str, Method], notifications: Mapping[str, NotificationType]
) -> dict[str, Any]:
    """Return one JSON Schema with every type of the contract under `$defs`."""
    _, components = _components(methods, notifications, _IN_SCHEMA)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AI Sidecar",
        "$defs": components,
    }


def _components(
    methods: Mapping[str, Method], notifications: Mapping[str, NotificationType], reference: str
) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return the schema of every type by type, and the named schemas that these refer to."""
    kinds = [kind for each in methods.values() for kind in (each.params, *each.results)]
    kinds += [each.params for each in notifications.values()]
    kinds = list(dict.fromkeys([*kinds, errors.ErrorObject]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=reference)
    _complete(components, reference)
    return dict(zip(kinds, schemas, strict=True)), components


def _complete(value: Any, reference: str) -> None:  # noqa: ANN401 - any JSON
    """Give references that stand in a type's own `extra_json_schema` their full form."""
    if isinstance(value, list):
        for item in value:
            _complete(item, reference)
    elif isinstance(value, dict):
        found = value.get("$ref")
        if isinstance(found, str) and not found.startswith("#"):
            value["$ref"] = reference.format(name=found)
        for item in value.values():
            _complete(item, reference)


def _method(
    name: str, method: Method, schema_of: dict[Any, Any], components: dict[str, Any]
) -> dict[str, Any]:
    # OpenRPC lists parameters one by one; the Struct's own schema has them as its properties.
    params = components[schema_of[method.params]["$ref"].rpartition("/")[2]]
    required = params.get("required", [])
    return {
        "name": name,
        "summary": method.summary,
        "paramStructure": "by-name",
        "params": [
            {"name": field, "required": field in required, "schema": kind}
            for field, kind in params.get("properties", {}).items()
        ],
        "result": {
            "name": "result",
            "schema": _one_of([schema_of[each] for each in method.results]),
        },
    }


def _one_of(schemas: list[Any]) -> Any:  # noqa: ANN401 - any JSON
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _errors() -> dict[str, Any]:
    return {
        kind.__name__: {
            "code": kind.code,
            "message": (kind.__doc__ or "").split("\n")[0],
            "data": {"kind": kind.kind, "hint": kind.default_hint},
        }
        for kind in _leaves(AIError)
    }


def _leaves(kind: type[AIError]) -> list[type[AIError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]

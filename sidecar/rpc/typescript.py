"""The contract as TypeScript types, from its table: what protocol/typescript is typed by.

Two rules of the contract shape it: in answers nothing is ever null, and in parameters null mostly
means the same as leaving out. So what may be null by default is written as optional (`name?:`), and
only where null has a meaning of its own (`configure_provider`) does `| null` stand.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar import PROTOCOL_VERSION
from sidecar.rpc import openrpc
from sidecar.rpc.methods import Method, NotificationType

_WIDTH = 100
_HEAD = f"""\
// Generated from the table in sidecar/contract.py: change that, then run scripts/gen_contract.
// Names and fields are those of the wire; protocol/README.md says what they mean.

/** The version of the contract that these types are of: MAJOR.MINOR. */
export const PROTOCOL_VERSION = "{PROTOCOL_VERSION}";
"""
_Schema = dict[str, Any]


def document(methods: Mapping[str, Method], notifications: Mapping[str, NotificationType]) -> str:
    """Return a TypeScript module with `Methods`, `Notifications`, `ErrorKind` and every type."""
    contract = openrpc.document(methods, notifications)
    blocks = [
        _HEAD,
        "/** Every method: what it takes, and what it answers. */\n" + _methods(methods, contract),
        "/** Every notification, with its parameters. */\n" + _notifications(contract),
        _error_kinds(contract["components"]["errors"]),
        *(_named(name, each) for name, each in contract["components"]["schemas"].items()),
    ]
    return "\n".join(blocks)


def _methods(methods: Mapping[str, Method], contract: _Schema) -> str:
    rows = []
    for each in contract["methods"]:
        name = each["name"]
        params = methods[name].params.__name__
        result = _type(each["result"]["schema"])
        row = f"  {_key(name)}: {{ params: {params}; result: {result} }};"
        rows.append(_comment(each["summary"], "  ") + row + "\n")
    return f"export interface Methods {{\n{''.join(rows)}}}\n"


def _notifications(contract: _Schema) -> str:
    rows = [
        _comment(each["summary"], "  ") + f"  {_key(each['name'])}: {_type(each['params'])};\n"
        for each in contract["x-notifications"]
    ]
    return f"export interface Notifications {{\n{''.join(rows)}}}\n"


def _error_kinds(errors: _Schema) -> str:
    meanings: dict[str, list[str]] = {}
    for each in errors.values():
        meanings.setdefault(each["data"]["kind"], []).append(f"{each['code']}: {each['message']}")
    rows = [
        _comment("\n\n".join(meanings[kind]), "  ") + f'  | "{kind}"' for kind in sorted(meanings)
    ]
    about = "What sort of thing went wrong, as `data.kind` of an error; a later minor may add some."
    return f"/** {about} */\nexport type ErrorKind =\n" + "\n".join(rows) + ";\n"


def _named(name: str, schema: _Schema) -> str:
    about = _comment(schema["description"], "")
    fields = schema["properties"]
    if not fields:
        # an answer may get fields in a later minor version; parameters refuse unknown ones
        value = "never" if schema.get("additionalProperties") is False else "unknown"
        return f"{about}export type {name} = Record<string, {value}>;\n"
    rows = "".join(
        _field(key, each, required=key in schema["required"]) for key, each in fields.items()
    )
    return f"{about}export interface {name} {{\n{rows}}}\n"


def _field(name: str, schema: _Schema, *, required: bool) -> str:
    kinds = list(_members(schema))
    if not required and "default" in schema:
        kinds = [kind for kind in kinds if kind != "null"]
    head = f"  {_key(name)}{'' if required else '?'}:"
    line = f"{head} {' | '.join(kinds)};"
    if len(line) > _WIDTH:
        line = head + "".join(f"\n    | {kind}" for kind in kinds) + ";"
    return _comment(" ".join(_remarks(schema)), "  ") + line + "\n"


def _remarks(schema: _Schema) -> Iterator[str]:
    """What a type can't say: the description, the limits and the default."""
    for each in (schema, *schema.get("anyOf", ())):
        if "description" in each:
            yield each["description"]
        low, high, unit = _limits(each)
        if low is not None and high is not None:
            yield f"{low} to {high}{unit}."
        elif low is not None:
            yield f"At least {low}{unit.removesuffix('s') if low == 1 else unit}."
        elif high is not None:
            yield f"At most {high}{unit}."
    if schema.get("default") is not None:
        yield f"Default: {json.dumps(schema['default'])}."


def _limits(schema: _Schema) -> tuple[Any, Any, str]:
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        if low in schema or high in schema:
            return schema.get(low), schema.get(high), unit
    return None, None, ""


def _members(schema: _Schema) -> Iterator[str]:
    """The members of a type's union; a plain type is a union of one."""
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _members(each)
    elif "enum" in schema:
        yield from (json.dumps(each) for each in schema["enum"])
    else:
        yield _plain(schema)


def _type(schema: _Schema) -> str:
    return " | ".join(_members(schema))


def _plain(schema: _Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    match schema.get("type"):
        case "array":
            items = list(_members(schema.get("items", {})))
            return f"({' | '.join(items)})[]" if len(items) > 1 else f"{items[0]}[]"
        case "object":
            return f"Record<string, {_type(schema.get('additionalProperties', {}))}>"
        case "integer":
            return "number"
        case "string" | "number" | "boolean" | "null" as kind:
            return str(kind)
        case None if not schema.keys() - {"description", "default"}:
            return "unknown"
        case _:
            message = f"no TypeScript for this schema: {schema}"
            raise NotImplementedError(message)


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _comment(text: str, indent: str) -> str:
    """Return a doc comment, in one line where it fits; an empty line parts paragraphs."""
    text = text.replace("*/", "*\\/")
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    if not text:
        return ""
    if len(paragraphs) == 1 and len(indent) + len(paragraphs[0]) + 7 <= _WIDTH:
        return f"{indent}/** {paragraphs[0]} */\n"
    wrapped = [textwrap.wrap(each, _WIDTH - len(indent) - 3) for each in paragraphs]
    lines = [line for each in wrapped for line in ("", *each)][1:]
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"

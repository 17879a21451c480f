"""Structured output: what the model wrote as JSON, held against the schema that was asked for.

JSON Schema of any draft, as the schema's `$schema` says; 2020-12 without one. Nothing is fetched: a
`$ref` leads within the schema. Patterns are given a time limit, since the front end writes them and
the model what they are tried on: Python's own `re` may take for ever, and stops all else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import anyio.to_thread
import jsonschema
import msgspec
from jsonschema import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from sidecar.errors import InvalidParams, InvalidResponse
from sidecar.keys.redaction import scrub
from sidecar.values import JsonObjectFormat, JsonSchemaFormat, TextFormat

_PATH = "$.request.response_format.schema"
_PATTERN_S = 0.5
_EXCERPT = 300
_HINT = "Ask again, say in the prompt what the JSON has to hold, or loosen the schema."

ResponseFormat = TextFormat | JsonObjectFormat | JsonSchemaFormat


class Structured:
    """What an answer has to be. Raises `InvalidParams` for a schema that is none."""

    def __init__(self, wanted: JsonObjectFormat | JsonSchemaFormat) -> None:
        self._schema = wanted.schema if isinstance(wanted, JsonSchemaFormat) else {"type": "object"}
        self._validator = _validator(self._schema)

    async def read(self, content: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the content as JSON. Raises `InvalidResponse` where it does not fit."""
        return await anyio.to_thread.run_sync(self._read, content, abandon_on_cancel=True)

    def _read(self, content: str) -> Any:  # noqa: ANN401 - any JSON
        try:
            found = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _mismatch(f"it is no JSON: {error}", content) from None
        try:
            fault = next(self._validator.iter_errors(found), None)
        except TimeoutError:
            raise _mismatch("a pattern of the schema takes too long to be tried", content) from None
        except OverflowError:  # jsonschema's `multipleOf`
            raise _mismatch("a number is too large to be checked", content) from None
        except RecursionError:
            raise _mismatch("the schema leads round in circles", content) from None
        except Unresolvable as error:  # a `$dynamicRef`, or one in a place of no keyword
            why = f"the schema refers to what it does not have: {error}"
            raise _mismatch(why, content) from None
        if fault is not None:
            raise _mismatch(f"at {fault.json_path}: {scrub(fault.message, _EXCERPT)}", content)
        return found


def structured(wanted: ResponseFormat | None) -> Structured | None:
    """Return what the answer has to be; None where any text will do."""
    return None if wanted is None or isinstance(wanted, TextFormat) else Structured(wanted)


def _validator(schema: dict[str, Any]) -> Validator:
    try:
        known = validator_for(schema, default=jsonschema.Draft202012Validator)
    except (AttributeError, TypeError, ValueError):  # it is no text, or no URI
        message = "This names no draft of JSON Schema."
        raise InvalidParams(message, path=f"{_PATH}.$schema", hint="Leave it out.") from None
    try:
        cast("Any", known).check_schema(schema, format_checker=_FORMATS)  # not in its stub
    except SchemaError as error:
        where = error.json_path.removeprefix("$")
        hint = "Correct the schema; json-schema.org says what one may have."
        raise InvalidParams(error.message[:_EXCERPT], path=_PATH + where, hint=hint) from None
    except RecursionError:
        message = "The schema is nested too deeply."
        raise InvalidParams(message, path=_PATH, hint="Flatten it.") from None
    said = msgspec.json.encode(schema)
    if b'"$ref":' in said:
        _follow_references(schema)
    if all(f'"{name}":'.encode() in said for name in _NOT_TOGETHER):
        message = f"`{_NOT_TOGETHER[0]}` and `{_NOT_TOGETHER[1]}` can't be checked together."
        raise InvalidParams(message, path=_PATH, hint="Use `additionalProperties`.")
    ours = cast("Callable[..., Validator]", extend(known, _OURS))  # type: ignore[no-untyped-call]
    return ours(schema, registry=Registry())  # one that is empty fetches nothing


def _follow_references(schema: dict[str, Any]) -> None:
    """Raise `InvalidParams` for a `$ref` that leads nowhere; else an answer would, and cost."""
    kind = specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
    root = kind.create_resource(schema)
    try:
        registry: Registry[Any] = Registry().with_resource(root.id() or "", root).crawl()
    except ValueError:
        hint = "Leave it out, or write a URI."
        raise InvalidParams("An `$id` of the schema is no URI.", path=_PATH, hint=hint) from None
    parts = [(root, registry.resolver_with_root(root))]
    while parts:
        part, resolver = parts.pop()
        target = part.contents.get("$ref") if isinstance(part.contents, dict) else None
        if isinstance(target, str) and not _leads(resolver, target):
            message = f"The schema refers to {target[:_EXCERPT]!r}, which it does not have."
            hint = "Write the definition into the schema's `$defs`; nothing is fetched."
            raise InvalidParams(message, path=_PATH, hint=hint)
        parts += [(each, resolver.in_subresource(each)) for each in part.subresources()]


def _leads(resolver: Any, target: str) -> bool:  # noqa: ANN401 - referencing's are private
    """True where a reference leads to a schema."""
    try:
        return isinstance(resolver.lookup(target).contents, dict | bool)
    except (Unresolvable, TypeError, ValueError):  # into a number, or by a word into a list
        return False


class _Descending(Protocol):
    """What a keyword uses of a validator; `Validator` does not name it."""

    def descend(
        self, instance: object, schema: object, path: str, schema_path: str | None = None
    ) -> Iterator[ValidationError]:
        """Hold a part against a schema of its own."""


def _search(pattern: str, text: str) -> bool:
    """Raises `TimeoutError`."""
    import regex  # noqa: PLC0415 - the first answer must not wait for it

    return regex.search(pattern, text, timeout=_PATTERN_S, concurrent=True) is not None


_FORMATS = jsonschema.FormatChecker(())
"""What a schema's own texts are held against."""


@_FORMATS.checks("regex")
def _is_pattern(pattern: object) -> bool:
    """True for what `_search` can try: `regex` knows more than `re`, and so does ECMA."""
    import regex  # noqa: PLC0415 - the first answer must not wait for it

    try:
        return not isinstance(pattern, str) or regex.compile(pattern) is not None
    except (regex.error, ValueError):
        return False


def _pattern(
    validator: Validator, pattern: str, instance: object, schema: object
) -> Iterator[ValidationError]:
    del schema
    del validator
    if isinstance(instance, str) and not _search(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: _Descending, given: dict[str, Any], instance: object, schema: object
) -> Iterator[ValidationError]:
    del schema
    if isinstance(instance, dict):
        for pattern, below in given.items():
            for name, value in instance.items():
                if _search(pattern, name):
                    yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(
    validator: _Descending, below: object, instance: object, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    for name in instance.keys() - schema.get("properties", {}).keys():
        if any(_search(pattern, name) for pattern in patterns):
            continue
        if below is False:
            yield ValidationError(f"{name!r} is not one of the properties")
        else:
            yield from validator.descend(instance[name], below, path=name)


def _unique_items(
    validator: Validator, wanted: object, instance: object, schema: object
) -> Iterator[ValidationError]:
    """By a set: held against each other, as jsonschema does it, a model's list may take minutes."""
    del validator
    del schema
    if not wanted or not isinstance(instance, list):
        return
    seen: set[bytes] = set()
    for item in instance:
        said = msgspec.json.encode(_plain(item), order="deterministic")
        if said in seen:
            yield ValidationError(f"{item!r} is there twice")
        seen.add(said)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """1.0 is 1 to JSON Schema."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _mismatch(why: str, content: str) -> InvalidResponse:
    return InvalidResponse(
        f"The answer is not the JSON that was asked for: {why}.",
        hint=_HINT,
        provider_message=scrub(content, _EXCERPT),
    )


_NOT_TOGETHER = ("unevaluatedProperties", "patternProperties")
_OURS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
"""The keywords that may take for ever otherwise."""

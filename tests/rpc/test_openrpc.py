"""The documents that are made from the contract's table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sidecar import contract
from sidecar.rpc import openrpc

BUILD = {"openrpc.json": openrpc.document, "schema.json": openrpc.schema}


def built(name: str) -> dict[str, Any]:
    return BUILD[name](contract.METHODS, contract.NOTIFICATIONS)


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.parametrize("name", BUILD)
def test_every_reference_leads_somewhere(name: str) -> None:
    document = built(name)
    found = set(references(document))
    assert found
    for each in found:
        place: Any = document
        start, *steps = each.split("/")
        assert start == "#"
        for step in steps:
            place = place[step]
        assert place


def test_the_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(built("schema.json"))


def test_everything_is_described() -> None:
    document = built("openrpc.json")
    for each in (*document["methods"], *document["x-notifications"]):
        assert each["summary"].endswith("."), each["name"]
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name


def test_a_method_lists_each_parameter_and_whether_it_has_to_be_there() -> None:
    [cancel] = [
        each for each in built("openrpc.json")["methods"] if each["name"] == "cancel_execution"
    ]
    assert cancel["paramStructure"] == "by-name"
    [param] = cancel["params"]
    assert (param["name"], param["required"]) == ("execution_id", True)

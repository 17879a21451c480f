"""protocol/README.md: its transcripts run, its examples fit the schema, its tables the code."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import msgspec
import pytest

from sidecar import PROTOCOL_VERSION, contract, settings
from sidecar.engine import directory, executions, transcript
from sidecar.errors import AIError
from sidecar.providers import answering, scripted
from sidecar.providers.catalog import SCRIPTED, VENDORS
from sidecar.replay import runner
from sidecar.rpc import lines, messages, openrpc, server
from sidecar.rpc.params import decode_params
from sidecar.values import AIResponse
from tests.conftest import ROOT, needs_llama_cpp

FOLDER = ROOT / "protocol"
README = FOLDER / "README.md"
TEXT = README.read_text(encoding="utf-8")
MIB = 1024 * 1024


class Block(NamedTuple):
    """A fenced block: `words` is what stands behind the fence, `line` where it begins."""

    line: int
    words: tuple[str, ...]
    text: str

    @property
    def id(self) -> str:
        """A test's name for it."""
        return f"line {self.line}"


def blocks() -> Iterator[Block]:
    for found in re.finditer(r"^```(.*)\n([\s\S]*?)^```$", TEXT, re.MULTILINE):
        line = TEXT.count("\n", 0, found.start()) + 1
        yield Block(line, tuple(found[1].split()), found[2])


BLOCKS = list(blocks())
SESSIONS = [block for block in BLOCKS if block.words == ("session",)]
JSON = [block for block in BLOCKS if block.words[:1] == ("json",)]
EXAMPLES = [block for block in JSON if block.words != ("json", "script")]
PROSE = re.sub(r"^```.*\n[\s\S]*?^```$", "", TEXT, flags=re.MULTILINE)


def section(heading: str) -> str:
    """Return what stands under a heading, up to the next one that is as high."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n([\s\S]*?)(?=^\1 |\Z)", PROSE, re.MULTILINE)
    assert found, f"protocol/README.md has no section {heading!r}"
    return re.split(r"^## ", found[2], flags=re.MULTILINE)[0]


def rows(heading: str, columns: int) -> list[list[str]]:
    """Return the cells of a section's tables of so many columns, without heads and rules."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [place for place, row in enumerate(cells) if set("".join(row)) <= set("- ")]
    heads = {place - 1 for place in rules} | set(rules)
    return [row for place, row in enumerate(cells) if place not in heads and len(row) == columns]


def words(text: str) -> set[str]:
    """Return every name that stands in code quotes, alone or in a shape like `{a, b?}`."""
    return {name for code in re.findall(r"`([^`]+)`", text) for name in re.findall(r"\w+", code)}


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    return found


def check(value: object, kind: str) -> None:
    """Hold a value against a type of schema.json."""
    assert kind in schema()["$defs"], f"schema.json has no type {kind}"
    whole = {"$ref": f"#/$defs/{kind}", "$defs": schema()["$defs"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def leaves(kind: type[AIError]) -> list[type[AIError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return below or [kind]


# --- the transcripts -----------------------------------------------------------------------------


@pytest.mark.parametrize("block", SESSIONS, ids=lambda block: block.id)
def test_a_transcript_runs_as_it_is_written(block: Block, tmp_path: Path) -> None:
    if "# needs: llama_cpp" in block.text:
        needs_llama_cpp()
    shutil.copytree(FOLDER / "sessions" / "scripted", tmp_path / "scripted")
    file = tmp_path / "README.session"
    file.write_text(block.text, encoding="utf-8")
    outcome = runner.replay(file)
    assert outcome.problem is None, f"the block at {block.id}: {outcome.problem}"
    assert outcome.skipped is None


def test_there_is_a_transcript_of_the_scripted_provider_and_one_of_the_demo_model() -> None:
    assert ["# needs: llama_cpp" in block.text for block in SESSIONS] == [False, True]


# --- the examples --------------------------------------------------------------------------------


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.id)
def test_an_example_is_json_and_fits_the_schema(block: Block) -> None:
    match block.words[1:]:
        case ("request",):
            check_request(block.text)
        case ("notification",):
            check_notification(json.loads(block.text))
        case ("result", method):
            value = json.loads(block.text)
            kinds = {kind.__name__ for kind in contract.METHODS[method].results}
            fitting = [kind for kind in kinds if fits(value, kind)]
            assert fitting, f"it is none of {kinds}"
        case (kind,):
            check(json.loads(block.text), kind)
        case other:
            pytest.fail(f"a json block says what it is; this one says {other}")


def check_request(text: str) -> None:
    for line in text.splitlines():
        request = messages.decode(line.encode())
        assert isinstance(request, messages.Request), line
        assert not request.is_notification, line
        params = contract.METHODS[request.method].params
        check(json.loads(line).get("params", {}), params.__name__)
        decode_params(params, request.params)


def check_notification(message: dict[str, Any]) -> None:
    assert set(message) == {"jsonrpc", "method", "params"}
    assert message["jsonrpc"] == "2.0"
    check(message["params"], contract.NOTIFICATIONS[message["method"]].params.__name__)


def fits(value: object, kind: str) -> bool:
    try:
        check(value, kind)
    except jsonschema.ValidationError:
        return False
    return True


def test_every_method_and_every_notification_has_an_example() -> None:
    given = [
        json.loads(line)["method"]
        for block in JSON
        if block.words[1] in ("request", "notification")
        for line in block.text.splitlines()
    ]
    assert {*contract.METHODS, *contract.NOTIFICATIONS} - set(given) == set()


def test_every_field_of_an_example_is_one_that_the_schema_knows() -> None:
    for block in EXAMPLES:
        if block.words[1] == "result":
            kinds = [kind.__name__ for kind in contract.METHODS[block.words[2]].results]
            assert any(set(json.loads(block.text)) <= fields_of(kind) for kind in kinds), block.id


def test_every_line_of_the_example_script_is_a_step_and_every_step_is_in_it() -> None:
    (block,) = [block for block in JSON if block.words == ("json", "script")]
    steps = block.text.splitlines()
    for line in steps:
        msgspec.json.decode(line, type=scripted._Step)
    used = {name for line in steps for name in json.loads(line)}
    assert used == set(scripted._Step.__struct_fields__)
    assert used - fields_of("StreamChunk") <= words(section("The scripted provider"))


def test_the_example_settings_are_taken_without_a_word_and_name_every_table(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.words == ("toml",)]
    (tmp_path / "config.toml").write_text(block.text, encoding="utf-8")
    found = settings.load(tmp_path)
    assert (found.problems, directory.Directory(found.config, scripted=False).problems) == ((), [])
    used = set(re.findall(r"\w+", block.text))
    kinds = (
        settings.Config,
        settings.ProviderSettings,
        settings.ProtocolSettings,
        settings.KeyStoreSettings,
    )
    assert {name for kind in kinds for name in kind.__struct_fields__} <= used


# --- the tables ----------------------------------------------------------------------------------


def names(kind: type) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def fields_of(kind: str) -> set[str]:
    return set(schema()["$defs"][kind].get("properties", {}))


def test_the_methods_are_those_of_the_contract_in_its_order() -> None:
    assert re.findall(r"^### `(.+)`$", section("Methods"), re.MULTILINE) == list(contract.METHODS)
    table = [re.findall(r"`([^`]+)`", row[0])[0] for row in rows("Methods", 2) if "](#" in row[0]]
    assert table == list(contract.METHODS)


@pytest.mark.parametrize("name", contract.METHODS)
def test_a_method_is_told_with_every_parameter_and_every_field_of_its_result(name: str) -> None:
    method = contract.METHODS[name]
    params = names(method.params)
    assert params - words(section(f"`{name}`")) == set()
    (row,) = [row for row in rows("Methods", 2) if f"[`{name}`]" in row[0]]
    assert params - words(row[1]) == set()
    for result in method.results:
        if issubclass(result, msgspec.Struct) and result is not AIResponse:
            elsewhere = "`list_ai_providers`" if result.__name__ == "ProviderInfo" else f"`{name}`"
            assert names(result) - words(section(elsewhere)) == set()


def test_the_notifications_are_those_of_the_contract_in_its_order() -> None:
    found = re.findall(r"^### `(.+)`$", section("Notifications"), re.MULTILINE)
    assert found == list(contract.NOTIFICATIONS)


@pytest.mark.parametrize("name", contract.NOTIFICATIONS)
def test_a_notification_is_told_with_every_parameter(name: str) -> None:
    fields = names(contract.NOTIFICATIONS[name].params)
    assert fields - words(section(f"`{name}`")) == set()


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("AIRequest", "AIRequest"),
        ("Messages", "AIMessage"),
        ("Messages", "Reasoning"),
        ("Messages", "ToolCall"),
        ("Parts", "TextPart"),
        ("Parts", "ImagePart"),
        ("Parts", "FilePart"),
        ("Parts", "AudioPart"),
        ("Tools", "Tool"),
        ("Response format", "JsonSchemaFormat"),
        ("Reasoning", "ReasoningOptions"),
        ("AIResponse", "AIResponse"),
        ("AIResponse", "TokenUsage"),
        ("AIResponse", "Citation"),
        ("AIResponse", "Cost"),
        ("AIResponse", "Timing"),
        ("StreamChunk", "StreamChunk"),
        ("StreamChunk", "ToolCallDelta"),
        ("Timeouts", "Timeouts"),
        ("Errors", "ErrorData"),
    ],
)
def test_a_section_names_every_field_of_its_type(heading: str, kind: str) -> None:
    assert fields_of(kind) - words(section(heading)) == set()


def test_every_field_and_every_word_of_every_type_is_named_somewhere() -> None:
    told = words(PROSE)
    enums = {word for node in nodes(schema()) for word in node.get("enum", ())}
    fields = {field for kind in schema()["$defs"] for field in fields_of(kind)}
    assert sorted((fields | enums) - told) == []


def nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:  # type: ignore[attr-defined]
        if isinstance(inner, dict | list):
            yield from nodes(inner)


def test_the_errors_are_those_of_the_code() -> None:
    table = [(row[0].strip("`"), int(row[1])) for row in rows("Errors", 4)]
    assert len(table) == len(set(table))
    assert set(table) == {(kind.kind, kind.code) for kind in leaves(AIError)}


def test_the_providers_are_those_of_the_catalogue_with_address_and_variables() -> None:
    table = [
        (name.strip("`"), form.strip("`"), url, tuple(re.findall(r"`(\w+)`", key)), "opt" in key)
        for name, form, url, key in rows("Providers", 4)
    ]
    assert table == [
        (
            vendor.name,
            vendor.format,
            vendor.base_url or "",
            vendor.key_variables,
            bool(vendor.key_variables) and not vendor.key_required,
        )
        for vendor in (*VENDORS, SCRIPTED)
    ]


def test_every_capability_of_the_catalogue_is_named() -> None:
    known = {word for vendor in (*VENDORS, SCRIPTED) for word in vendor.capabilities}
    assert known - words(section("`list_ai_providers`")) == set()


def test_the_default_timeouts_are_those_of_the_code() -> None:
    table = {row[0].strip("`"): int(row[1]) for row in rows("Timeouts", 3)}
    assert table == msgspec.structs.asdict(directory.DEFAULTS)


def test_the_limits_are_those_of_the_code() -> None:
    kept = executions.KEEP_CHARACTERS // MIB
    assert [row[1] for row in rows("Limits", 3)][:7] == [
        f"{lines.DEFAULT_LIMIT // MIB} MiB, or `protocol.max_line_bytes`",
        f"{messages.MAX_BATCH}",
        f"{server.MAX_BATCH_ANSWER // MIB} MiB",
        f"{executions.MAX_RUNNING}",
        f"{executions.KEEP_S:.0f} s, {executions.KEEP_COUNT} of them, {kept} MiB of text",
        f"{transcript.MAX_SIZE // MIB} MiB",
        f"{answering.MAX_BODY // MIB} MiB",
    ]


def test_the_version_is_that_of_the_code() -> None:
    assert f"the contract, version {PROTOCOL_VERSION}." in TEXT
    assert f"It is {PROTOCOL_VERSION} here." in TEXT


def test_the_schema_that_examples_are_held_against_is_the_current_one() -> None:
    current = openrpc.schema(contract.METHODS, contract.NOTIFICATIONS)
    assert schema() == json.loads(json.dumps(current)), "run scripts/gen_contract"


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PROSE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", PROSE):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (FOLDER / target).exists(), target

"""The README's table of providers: up to date, and with a column for all that a row can do."""

from __future__ import annotations

import msgspec
import pytest

from scripts import vendor_table
from sidecar.providers.catalog import VENDORS
from sidecar.providers.vendor import Vendor
from tests.conftest import ROOT

ONE = Vendor(
    name="one",
    display_name="One",
    format="f",
    key_variables=("ONE_API_KEY",),
    capabilities=("chat", "tools", "json_schema"),
)
TWO = Vendor(
    name="two",
    display_name="Two",
    format="g",
    key_required=False,
    capabilities=("chat", "telepathy", "images", "json_object"),
)


def test_the_readme_has_the_table_that_the_rows_give() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    written = vendor_table.table(VENDORS)
    assert vendor_table.replaced(text, written) == text, "run scripts/gen_contract"
    assert all(f"| `{vendor.name}` |" in text for vendor in VENDORS)


def test_what_not_all_can_do_has_a_column_and_what_nobody_named_has_one_too() -> None:
    assert vendor_table.table([ONE, TWO]) == (
        "\n"
        "| provider | | format | key | tools | JSON schema | images | telepathy |\n"
        "| --- | --- | --- | --- | :-: | :-: | :-: | :-: |\n"
        "| `one` | One | `f` | needed | ✓ | ✓ | · | · |\n"
        "| `two` | Two | `g` | none | · | · | ✓ | ✓ |\n"
        "\n"
    )


def test_a_key_that_need_not_be_there_is_called_optional() -> None:
    row = msgspec.structs.replace(TWO, key_variables=("TWO_API_KEY",))
    assert "| optional |" in vendor_table.table([row, ONE])


def test_only_what_is_between_the_marks_is_written() -> None:
    text = f"before\n{vendor_table.BEGIN}old{vendor_table.END}after\n"
    new = vendor_table.replaced(text, vendor_table.table([ONE]))
    assert new.startswith(f"before\n{vendor_table.BEGIN}\n| provider |")
    assert new.endswith(f"\n{vendor_table.END}after\n")
    assert vendor_table.replaced(new, vendor_table.table([ONE])) == new


@pytest.mark.parametrize("text", ["", vendor_table.BEGIN, vendor_table.END])
def test_a_text_without_its_marks_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="README"):
        vendor_table.replaced(text, vendor_table.table([ONE]))


def test_where_each_is_asked_and_what_holds_its_key_is_a_table_of_its_own() -> None:
    free = msgspec.structs.replace(
        TWO, base_url="http://127.0.0.1:1", key_variables=("TWO_API_KEY", "ALSO_KEY")
    )
    assert vendor_table.addresses([ONE, TWO, free]) == (
        "\n"
        "| provider | format | base_url | key from |\n"
        "| --- | --- | --- | --- |\n"
        "| `one` | `f` | | `ONE_API_KEY` |\n"
        "| `two` | `g` | | |\n"
        "| `two` | `g` | http://127.0.0.1:1 | optional: `TWO_API_KEY` or `ALSO_KEY` |\n"
        "\n"
    )

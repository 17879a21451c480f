from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from sidecar.engine.addresses import checked_url
from sidecar.providers.catalog import SCRIPTED, VENDORS
from sidecar.providers.formats import FORMATS
from sidecar.providers.vendor import Vendor

ROWS = (*VENDORS, SCRIPTED)


def test_every_name_is_there_once_and_every_variable_for_one_origin() -> None:
    names = [row.name for row in ROWS]
    # Rows of one vendor, which are for the same origin, may share their keys.
    origins = {(name, urlsplit(row.base_url or row.name)[:2])
               for row in ROWS for name in row.key_variables}  # fmt: skip
    variables = [name for name, _ in origins]
    assert len(names) == len(set(names))
    assert len(variables) == len(set(variables))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_address_is_one_that_a_user_might_give(row: Vendor) -> None:
    if row.format in FORMATS:
        assert row.base_url is None or checked_url(row.base_url) == row.base_url
    else:
        assert (row.base_url, row.auth) == (None, "none")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_key_that_has_to_be_there_has_a_variable_and_goes_over_https(row: Vendor) -> None:
    if row.key_required:
        assert row.key_variables
        assert row.base_url is None or row.base_url.startswith("https://")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_can_chat_and_lists_models_or_names_them(row: Vendor) -> None:
    assert {"chat", "streaming"} <= set(row.capabilities)
    assert ("models" in row.capabilities) == (not row.models)

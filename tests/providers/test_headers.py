"""The response headers that every vendor has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.keys.secret import Secret
from sidecar.providers.headers import request_id, retry_after_ms


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "2"}, 2000),
        ({"retry-after": "0.5"}, 500),
        ({"retry-after-ms": "250", "retry-after": "9"}, 250),
        (
            {
                "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT",
                "date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30_000,
        ),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999 00:00:00 GMT"}, None),
    ],
)
def test_the_time_to_wait_is_read_in_each_of_its_forms(
    headers: dict[str, str], expected: int | None
) -> None:
    assert retry_after_ms(headers) == expected


@given(value=st.text(), date=st.text())
def test_no_header_can_make_it_fail(value: str, date: str) -> None:
    retry_after_ms({"retry-after": value, "date": date})
    request_id({"x-request-id": value})


def test_the_request_id_never_shows_the_key() -> None:
    key = Secret("abcdef0123456789")
    assert request_id({"x-request-id": f"req-{key.reveal()}-1"}) == "req-[redacted]-1"


def test_a_request_id_is_short_whatever_was_sent() -> None:
    assert len(request_id({"x-request-id": "x" * 60_000}) or "") == 200

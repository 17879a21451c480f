from __future__ import annotations

import copy
import json
import logging
import pickle

import msgspec
import pytest

from sidecar.keys.secret import Secret

VALUE = "the-secret-itself"


@pytest.mark.parametrize(
    "show", [str, repr, "{}".format, "%s".__mod__, lambda each: f"{each!r:>20}"]
)
def test_it_never_prints(show: object) -> None:
    assert callable(show)
    assert VALUE not in show(Secret(VALUE))
    assert VALUE not in show([Secret(VALUE)]) if show in (str, repr) else True


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, json.dumps, msgspec.json.encode])
def test_it_can_be_written_nowhere(write: object) -> None:
    assert callable(write)
    with pytest.raises(TypeError) as refused:
        write(Secret(VALUE))
    assert VALUE not in str(refused.value)


def test_a_traceback_with_it_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(Secret(VALUE))  # noqa: TRY301 - what is shown of it is tested
    except ValueError:
        logging.getLogger("test").exception("It failed with %s", Secret(VALUE))
    assert VALUE not in caplog.text


def test_two_of_the_same_value_are_the_same() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert len({Secret(VALUE), Secret(VALUE), Secret("another-one")}) == 2
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE).reveal() == VALUE

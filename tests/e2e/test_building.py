"""How the app under test is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.building import LIMIT_S, target
from tests.e2e.conftest import BUILT


def test_the_program_under_test_lies_where_nobody_builds(program: Path) -> None:
    assert not program.is_relative_to(target().resolve())


def test_whoever_may_have_to_build_the_program_has_the_time_for_it(
    request: pytest.FixtureRequest,
) -> None:
    here = Path(__file__).parent
    limits = {
        item.nodeid: marker and marker.args[0]
        for item in request.session.items
        if here in item.path.parents and BUILT & {*getattr(item, "fixturenames", ())}
        for marker in [item.get_closest_marker("timeout")]
    }
    assert {name: limit for name, limit in limits.items() if limit != LIMIT_S} == {}

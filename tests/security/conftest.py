"""A sidecar for each key store, shared by the attacks on it.

One serves the whole session: to start one is dearer than most attacks, and who attacks a sidecar
that has been attacked before finds more, not less.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.attacks import BESIDE, TARGET
from tests.security.besieged import STORES, Besieged, besieged


@pytest.fixture(scope="session", params=STORES)
def attacked(request: pytest.FixtureRequest) -> Iterator[Besieged]:
    """A sidecar under attack, once for each store that its keys lie in."""
    with besieged(request.param, **environment_of(request.param, request)) as found:
        yield found


@pytest.fixture
def siege(attacked: Besieged) -> Besieged:
    """It, with its canaries in place, whatever attacks there were before."""
    attacked.ensure_canaries(TARGET, BESIDE)
    return attacked


def environment_of(store: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """What a sidecar must know of what its store needs. Skips where that is missing."""
    name = STORES[store].fixture
    return dict(request.getfixturevalue(name).environment) if name else {}

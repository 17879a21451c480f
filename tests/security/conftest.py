"""A sidecar for each key store, shared by the attacks on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.attacks import BESIDE, TARGET
from tests.security.besieged import STORES, Besieged, besieged


@pytest.fixture(scope="module", params=STORES)
def siege(request: pytest.FixtureRequest) -> Iterator[Besieged]:
    """A sidecar under attack, once for each store that its keys lie in."""
    with besieged(request.param) as found:
        found.lay_canaries(TARGET, BESIDE)
        yield found

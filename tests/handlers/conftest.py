"""What the tests of methods share: providers on loopback, and a sidecar that knows one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.keys.servers import Provider, make_row, provider


@pytest.fixture
def here() -> Iterator[Provider]:
    """The provider `mine`, where it is made one."""
    with provider() as found:
        yield found


@pytest.fixture
def there() -> Iterator[Provider]:
    """Another server, which no key was entered for."""
    with provider() as found:
        yield found


@pytest.fixture
def peer(start: Start, here: Provider) -> Peer:
    """A sidecar with a provider and no key."""
    found = start()
    make_row(found, here.url)
    return found

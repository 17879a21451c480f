"""What the tests of providers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.providers.raw_server import RawServer, Script, serving

# How long an example takes is the machine's affair, which others use as well.
settings.register_profile("providers", deadline=None)
settings.load_profile("providers")


@pytest.fixture
def serve() -> Iterator[Callable[[Script], RawServer]]:
    """Start raw servers, which end with the test."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(serving(script))

"""Keys from environment variables: read-only, and read anew at every request."""

from __future__ import annotations

import os
from collections.abc import Iterable

from sidecar.keys.secret import Secret

_last: dict[str, Secret] = {}
"""By variable. The redaction knows a secret for as long as it is kept here."""


def find(variables: Iterable[str]) -> Secret | None:
    """Return the first of these variables that is set and not blank."""
    for name in variables:
        if value := os.environ.get(name, "").strip():
            kept = _last.get(name)
            if kept is None or kept.reveal() != value:
                kept = _last[name] = Secret(value)
            return kept
    return None

"""Keys from environment variables: read-only, and read anew at every request."""

from __future__ import annotations

import os

from sidecar.providers.base import Secret, Vendor


def find(vendor: Vendor) -> Secret | None:
    """Return the first of the vendor's variables that is set and not blank."""
    for name in vendor.key_variables:
        if value := os.environ.get(name, "").strip():
            return Secret(value)
    return None

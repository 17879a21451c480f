"""Vectors as every format has to have them: one for each text, and all of one length."""

from __future__ import annotations

from sidecar.errors import AIError
from sidecar.providers.formats import faults
from sidecar.providers.vendor import Target


def checked(
    vectors: list[list[float]], count: int, body: bytes, target: Target
) -> list[list[float]]:
    """Return the vectors of `count` texts. Raises `InvalidResponse`, or the error that came."""
    if len(vectors) != count:
        raise misread(body, target, f"it has {len(vectors)} vectors for {count} texts")
    if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise misread(body, target, "its vectors are empty, or not all of one length")
    return vectors


def misread(body: bytes, target: Target, reason: str) -> AIError:
    """The error for an answer that has none."""
    return faults.misread("vectors", body, target, reason)

"""What is told of reasoning, whichever format leaves it out."""

from __future__ import annotations

from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target


def warn_of_unsent(target: Target, facts: Facts) -> None:
    """Say that the request's reasoning, or a part of it, was not sent."""
    name = target.vendor.display_name
    facts.warn(f"Reasoning of earlier messages that {name} does not take back was not sent.")


def warn_of_no_measure(target: Target, facts: Facts) -> None:
    """Say that `reasoning: {}` asks for nothing that could be sent."""
    name = target.vendor.display_name
    facts.warn(f"{name} wants an effort in `reasoning`; without it nothing was sent.")

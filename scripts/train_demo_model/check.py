"""Does training still give what is on record?  The first steps are run again and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.train_demo_model.export import vocabulary_digest
from scripts.train_demo_model.training import Outcome, Plan, train

TOLERANCE = 0.005
"""The relative difference of a step's loss that another processor or numpy may bring."""


def recorded(path: Path) -> dict[str, Any]:
    """Read demo.json."""
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def differences(facts: dict[str, Any], outcome: Outcome) -> list[str]:
    """Say in what a short run differs from the record; nothing where it agrees."""
    found = []
    if vocabulary_digest(outcome.tokenizer) != facts["vocabulary_sha256"]:
        found.append("the vocabulary differs from the recorded one")
    pairs = zip(outcome.losses, facts["first_losses"], strict=False)
    for step, (loss, expected) in enumerate(pairs, 1):
        if abs(loss - expected) > TOLERANCE * expected:
            found.append(f"step {step}: loss {loss:.4f}, recorded {expected:.4f}")
    return found


def check(path: Path, steps: int, threads: int) -> list[str]:
    """Retrain the first steps of the recorded plan and compare."""
    facts = recorded(path)
    most = len(facts["first_losses"])
    outcome = train(Plan(**facts["plan"]), threads=threads, stop_after=min(steps, most))
    return differences(facts, outcome)

"""Logs go to stderr, one line each, without anything shaped like a key."""

from __future__ import annotations

import logging
import os
import sys

from sidecar.keys.redaction import scrub

LEVEL_VARIABLE = "AI_SIDECAR_LOG"


class _Scrubbed(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def configure() -> None:
    """Send every logger to stderr, at the level that `AI_SIDECAR_LOG` names (`WARNING`)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Scrubbed("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = os.environ.get(LEVEL_VARIABLE, "WARNING").upper()
    known = level in logging.getLevelNamesMapping()
    logging.basicConfig(handlers=[handler], level=level if known else "WARNING", force=True)

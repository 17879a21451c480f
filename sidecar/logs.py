"""Logs go to stderr without secrets, and so does what Python writes there by itself."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from sidecar.keys.redaction import scrub

LEVEL_VARIABLE = "AI_SIDECAR_LOG"

logger = logging.getLogger(__name__)


class _Scrubbed(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Tell of a line that can't be written without what was to be in it."""
        with suppress(OSError, ValueError):  # stderr is closed: nobody is there to be told
            where, kind = f"{record.pathname}:{record.lineno}", sys.exc_info()[0]
            self.stream.write(f"A line of the log could not be written ({where}): {kind}.\n")


def configure() -> None:
    """Send every logger to stderr, at the level that `AI_SIDECAR_LOG` names (`WARNING`).

    Tracebacks and warnings that Python writes by itself go the same way.
    """
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Scrubbed("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = os.environ.get(LEVEL_VARIABLE, "WARNING").upper()
    known = level in logging.getLevelNamesMapping()
    logging.basicConfig(handlers=[handler], level=level if known else "WARNING", force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    logger.critical("The sidecar ends by an error.", exc_info=(kind, error, traceback))


def _log_thread(thrown: threading.ExceptHookArgs) -> None:
    name = thrown.thread.name if thrown.thread else "?"
    logger.error("The thread %s has ended by an error.", name, exc_info=thrown.exc_value)


def _log_unraisable(thrown: sys.UnraisableHookArgs) -> None:
    said = thrown.err_msg or "An error that nobody could be told"
    logger.error("%s: %r", said, thrown.object, exc_info=thrown.exc_value)

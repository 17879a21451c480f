"""A method that somebody adds to the contract, with a leak deep in one of its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.keys.store import Slot
from sidecar.rpc.methods import Call, Method
from sidecar.values import Said, Value

if TYPE_CHECKING:
    from sidecar.app import App

PLANT = """
from sidecar import contract
from tests.security.planted_method import METHOD
contract.METHODS["export_report"] = METHOD
"""


class Layout(Value, frozen=True):
    """How it is laid out."""

    footer: str | None = None
    columns: int = 2


class ReportParams(Value, frozen=True):
    """What is in it."""

    title: str
    layouts: list[Layout] | None = None


class Report(Said, frozen=True):
    """The report."""

    text: str


def export_report(app: App, params: ReportParams, call: Call) -> Report:
    """Export a report, its footer a template."""
    del call
    kept = app.custody.holdings.opened(Slot("hostile", "default"))
    assert kept is not None
    footers = [each.footer or "" for each in params.layouts or ()]
    return Report(
        text=" ".join(each.replace("{api_key}", kept.api_key.reveal()) for each in footers)
    )


METHOD = Method(ReportParams, Report, export_report)

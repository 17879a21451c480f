"""The command line: train, check or evaluate."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import fields
from pathlib import Path

from scripts.train_demo_model.check import check
from scripts.train_demo_model.evaluation import PASS_SHARE, evaluate, load_engine, report
from scripts.train_demo_model.export import facts_of, write_facts, write_gguf
from scripts.train_demo_model.parity import parity_report
from scripts.train_demo_model.training import Plan, train

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "sidecar" / "local" / "demo.gguf"
QUESTIONS = ROOT / "tests" / "local" / "demo_questions.json"
CHECK_STEPS = 25


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train_demo_model", description="Train, check or evaluate the bundled demo model."
    )
    parser.add_argument("--out", type=Path, default=MODEL, help="the GGUF file to write")
    parser.add_argument("--threads", type=int, default=2, help="threads (no effect on the result)")
    parser.add_argument(
        "--check",
        type=int,
        nargs="?",
        const=CHECK_STEPS,
        metavar="STEPS",
        help="retrain the first steps and compare with the recorded losses",
    )
    parser.add_argument(
        "--evaluate", type=Path, nargs="?", const=MODEL, metavar="GGUF", help="question a model"
    )
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="the question file")
    group = parser.add_argument_group("plan")
    for field in fields(Plan):
        option = "--" + field.name.replace("_", "-")
        default = field.default
        group.add_argument(option, type=type(default), default=default, help=f"({default})")
    return parser


def _command(plan: Plan) -> str:
    """Give the command line that trains by this plan."""
    words = ["python", "scripts/train_demo_model"]
    for field in fields(Plan):
        value = getattr(plan, field.name)
        if value != field.default:
            words += ["--" + field.name.replace("_", "-"), str(value)]
    return shlex.join(words)


def _train(options: argparse.Namespace) -> int:
    plan = Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)})
    outcome = train(plan, threads=options.threads)
    out: Path = options.out
    write_gguf(out, plan, outcome)
    facts = facts_of(out, plan, outcome, _command(plan))
    write_facts(out.with_suffix(".json"), facts)
    sys.stdout.write(f"{out}: {facts.bytes:,} bytes, sha256 {facts.sha256}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    record = options.out.with_suffix(".json")
    differences = check(record, options.check, options.threads)
    for line in differences:
        sys.stdout.write(line + "\n")
    if not differences:
        sys.stdout.write(f"{options.check} steps agree with {record.name}\n")
    return 1 if differences else 0


def _evaluate(options: argparse.Namespace) -> int:
    engine = load_engine(options.evaluate, options.threads)
    differences = parity_report(engine, options.evaluate)
    scores = evaluate(engine, options.questions)
    sys.stdout.write("\n".join([*differences, report(scores)]) + "\n")
    return 1 if differences or any(score.share < PASS_SHARE for score in scores) else 0


def main(arguments: list[str]) -> int:
    """Do what the command line asks for and give the exit status."""
    options = _parser().parse_args(arguments)
    if options.check is not None:
        return _check(options)
    if options.evaluate is not None:
        return _evaluate(options)
    return _train(options)

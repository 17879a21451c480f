"""The command line: serve (the default), chat, replay, contract, doctor."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar import __version__, frozen, unpacked

if TYPE_CHECKING:
    from sidecar.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the process's exit status."""
    unpacked.mark()
    frozen.restore_environment()
    options = _options(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # Whoever read our stdout has enough. Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as a shell has it


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    late = [word for word in unknown if word.partition("=")[0] in _OF_THE_SIDECAR]
    if (options.drain or "--drain" in late) and options.chosen not in _DRAINING:
        parser.error(f"--drain is for serving; `{options.chosen}` has no use for it")
    if late:
        parser.error(f"{late[0]} is an option of the sidecar and stands before `{options.chosen}`")
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


_OF_THE_SIDECAR = ("--home", "--scripted", "--worker", "--drain")
_DRAINING = (None, "serve", "replay")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ai-sidecar",
        usage="%(prog)s [OPTIONS] [COMMAND [ARGUMENTS]]",
        description="Every AI provider behind line-delimited JSON-RPC on stdin and stdout.",
        epilog="Without a command it serves. The contract: protocol/README.md.",
    )
    parser.add_argument("--version", action="version", version=f"ai-sidecar {__version__}")
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help="the folder of config.toml and sidecar.db"
    )
    parser.add_argument(
        "--scripted", type=Path, metavar="DIR", help="offer canned answers: DIR/*.jsonl"
    )
    parser.add_argument(
        "--worker", type=Path, metavar="PATH", help="the folder ai-sidecar-llama, or its program"
    )
    parser.add_argument(
        "--drain", action="store_true", help="at the end of stdin, finish what runs first"
    )
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(
        title="commands", dest="chosen", metavar="COMMAND", prog=parser.prog
    )
    _add_serve(commands)
    _add_chat(commands)
    _add_replay(commands)
    _add_contract(commands)
    _add_doctor(commands)
    _add_audit(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _add_serve(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="serve JSON-RPC on stdin and stdout (the default)")
    parser.set_defaults(run=_serve)


def _add_chat(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("chat", help="talk to a model in the terminal")
    parser.add_argument("text", nargs="*", help="ask this and end; without it, talk")
    parser.add_argument("--provider", help="the provider; without it, the active one")
    parser.add_argument("--model", help="the model; without it, the provider's default")
    parser.set_defaults(run=_chat)


def _add_replay(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("replay", help="run scripted sessions against a sidecar")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="*.session files")
    parser.add_argument("--command", help="the sidecar to run, as a shell would split it")
    parser.add_argument(
        "--record",
        action="store_true",
        help="write FILE from the lines on stdin instead; the options before `replay` go into it",
    )
    parser.set_defaults(run=_replay)


def _add_contract(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("contract", help="print the generated contract")
    parser.add_argument("form", choices=("openrpc", "schema", "typescript"))
    parser.set_defaults(run=_contract)


def _add_doctor(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("doctor", help="check this installation and say what to do")
    parser.set_defaults(run=_doctor)


def _add_audit(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("audit", help="show what happened to keys, and if that is whole")
    parser.add_argument("--last", type=_count, default=20, metavar="N", help="so many events (20)")
    parser.add_argument(
        "--begin-anew",
        action="store_true",
        help="vouch from here on, when the app is closed: for who has put back an older sidecar.db",
    )
    parser.set_defaults(run=_audit)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


# Each command imports what it needs and no more: serving must not wait for the others.
# ruff: noqa: PLC0415


def _serve(options: argparse.Namespace) -> int:
    import anyio

    from sidecar import logs
    from sidecar.app import serve
    from sidecar.rpc import descriptors

    _greet()
    descriptors.fill()
    logs.configure()
    anyio.run(serve, _settings(options))
    # A key store's thread may be waiting for a dialogue, and wake up while Python takes itself
    # down, which aborts the process. All is written and closed by now.
    with suppress(OSError, ValueError, AttributeError):  # stderr may be closed
        sys.stderr.flush()
    os._exit(0)


def _greet() -> None:
    """Say to who has typed the bare name into a terminal what it waits for."""
    at_a_terminal = all(each is not None and each.isatty() for each in (sys.stdin, sys.stderr))
    if at_a_terminal:
        sys.stderr.write(
            "ai-sidecar reads JSON-RPC requests here, a line each; Ctrl-D ends it.\n"
            "To talk to a model: ai-sidecar chat\n"
        )


def _chat(options: argparse.Namespace) -> int:
    from sidecar.terminal import chat

    return chat.run(_serving(options), " ".join(options.text), options.provider, options.model)


def _replay(options: argparse.Namespace) -> int:
    from sidecar.replay import recorder, runner

    arguments = _serving(options) + (["--drain"] if options.drain else [])
    if options.record and len(options.files) != 1:
        return _refuse("--record writes one FILE.")
    if arguments and not options.record:
        return _refuse(
            "A session states its sidecar's arguments itself, in its `$ ai-sidecar` line."
        )
    try:
        if options.record:
            return recorder.record(options.files[0], options.command, arguments)
        return runner.main(options.files, options.command)
    except runner.Unusable as error:
        return _refuse(str(error))


def _contract(options: argparse.Namespace) -> int:
    from sidecar import contract
    from sidecar.rpc import documents

    sys.stdout.write(documents.FORMS[options.form](contract.METHODS, contract.NOTIFICATIONS))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from sidecar.terminal import doctor

    return doctor.run(_serving(options), options.worker)


def _audit(options: argparse.Namespace) -> int:
    from sidecar.terminal import audit

    return audit.run(_settings(options), most=options.last, begin_anew=options.begin_anew)


def _refuse(why: str) -> int:
    sys.stderr.write(f"ai-sidecar: {why}\n")
    return 2


def _settings(options: argparse.Namespace) -> Settings:
    from sidecar import settings

    return settings.load(options.home, options.scripted, options.worker, drain=options.drain)


def _serving(options: argparse.Namespace) -> list[str]:
    """The arguments that a sidecar started by a command is given."""
    arguments: list[str] = []
    if options.home:
        arguments += ["--home", str(options.home)]
    if options.scripted:
        arguments += ["--scripted", str(options.scripted)]
    if options.worker:
        arguments += ["--worker", str(options.worker)]
    return arguments


if __name__ == "__main__":
    sys.exit(main())

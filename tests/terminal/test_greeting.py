"""Who types the bare name into a terminal is told what it waits for."""

from __future__ import annotations

from tests.terminal.conftest import Open, Run


def test_in_a_terminal_it_says_what_it_reads_and_where_to_talk(terminal: Open) -> None:
    opened = terminal()
    opened.until("reads JSON-RPC requests")
    opened.until("ai-sidecar chat")
    opened.type('{"jsonrpc":"2.0","id":1,"method":"ping"}\r')
    opened.until('"result":')
    assert opened.end_by("\x04") == 0


def test_on_a_pipe_it_says_nothing_of_itself(run: Run) -> None:
    done = run(given='{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    assert done.stdout.count("\n") == 1
    assert "reads JSON-RPC" not in done.stderr

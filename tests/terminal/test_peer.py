from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from sidecar.terminal.peer import Interrupted, Peer, PeerGone
from tests.conftest import Start


@pytest.fixture
def parrot() -> Iterator[Peer]:
    """A program that says back what it hears."""
    code = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)"
    peer = Peer([sys.executable, "-c", code])
    yield peer
    peer.close()


def test_a_call_is_answered(start: Start) -> None:
    assert start().call("ping", timeout=30)["result"] == {}


def test_lines_come_without_their_line_feed_and_then_the_end(parrot: Peer) -> None:
    parrot.send(b"one\ntwo\n")
    assert parrot.receive(30) == b"one"
    parrot.end_input()
    assert [parrot.receive(30) for _ in range(3)] == [b"two", None, None]
    assert parrot.wait(30) == 0


def test_silence_is_told_after_its_time(parrot: Peer) -> None:
    with pytest.raises(PeerGone, match=r"said nothing for 0\.05 s"):
        parrot.receive(0.05)


def test_writing_to_one_that_has_gone_is_told(parrot: Peer) -> None:
    parrot.end_input()
    parrot.wait(30)
    with pytest.raises(PeerGone):
        parrot.send(b"x\n")


def test_an_end_before_the_answer_is_told_with_its_status() -> None:
    peer = Peer([sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit(3)"])
    with pytest.raises(PeerGone, match="status 3"):
        peer.call("ping", timeout=30)
    peer.close()


def test_a_wait_can_be_interrupted_and_loses_no_line(parrot: Peer) -> None:
    parrot.send(b"one\n")
    assert parrot.receive(30) == b"one"
    threading.Thread(target=parrot.interrupt).start()
    with pytest.raises(Interrupted):
        parrot.receive(30)
    parrot.send(b"two\n")
    assert parrot.receive(30) == b"two"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of this kind")
def test_ctrl_c_in_the_terminal_does_not_reach_the_sidecar(start: Start) -> None:
    peer = start()
    assert peer.call("ping", timeout=30)["result"] == {}
    assert os.getpgid(peer.process_id) != os.getpgid(0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_close_ends_even_one_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.terminal.peer._ENDING_S", 0.2)
    peer = Peer([sys.executable, "-c", "import signal; print(flush=True); signal.pause()"])
    assert peer.receive(30) == b""
    peer.close()
    assert peer.wait(30) == -signal.SIGKILL

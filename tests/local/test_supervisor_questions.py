"""The supervisor, asked for vectors and counts: the same order, cancellation and crashes."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sidecar.errors import ContextLength, WorkerCrashed
from sidecar.local.models import LocalModel
from sidecar.local.place import of_the_worker
from sidecar.providers.local import LocalProvider
from sidecar.providers.sink import Facts
from sidecar.values import EmbedRequest
from tests.local.supervision import ask, scripted, supervised
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio


async def test_vectors_counts_and_chats_take_turns(chains: LocalModel) -> None:
    ended: list[str] = []

    async def chat() -> None:
        await supervisor.chat(ask("A"), chains, Tape())
        ended.append("chat")

    async def count() -> None:
        facts = Facts()
        assert await supervisor.count(ask("x" * 300), chains, facts) == 301
        assert facts.model == "chains"
        ended.append("count")

    async def embed() -> None:
        facts = Facts()
        request = EmbedRequest(input=["AAB", "B"], dimensions=300)
        found = await supervisor.embed(request, chains, facts)
        assert [len(vector) for vector in found.vectors] == [300, 300]
        assert found.usage is not None
        assert (found.usage.prompt_tokens, found.usage.total_tokens) == (6, 6)
        assert facts.model == "chains"
        ended.append("embed")

    async with supervised() as supervisor, anyio.create_task_group() as requests:
        for work in (chat, embed, count, chat, count, embed):
            requests.start_soon(work)
    assert ended == ["chat", "embed", "count", "chat", "count", "embed"]


async def test_a_cancel_while_vectors_are_made_stops_it(slow: LocalModel) -> None:
    async with supervised() as supervisor:
        await supervisor.count(ask("x"), slow, Facts())
        pid, facts = supervisor.worker_pid, Facts()
        async with anyio.create_task_group() as requests:
            # Evaluated whole, this takes many times the grace after which a worker is killed.
            texts = EmbedRequest(input=["x" * 12_000] * 20)
            requests.start_soon(supervisor.embed, texts, slow, facts)
            while facts.model is None:
                await anyio.lowlevel.checkpoint()
            requests.cancel_scope.cancel()
        assert await supervisor.count(ask("x"), slow, Facts()) == 2
        assert supervisor.worker_pid == pid


@pytest.mark.parametrize("op", ["embed", "count"])
async def test_a_worker_that_dies_at_it_is_a_crash_and_the_next_request_works(
    chains: LocalModel, tmp_path: Path, op: str
) -> None:
    # It dies of the first piece of work, and then, as another process, of none.
    command = scripted(f"""
import pathlib
seen = pathlib.Path({str(tmp_path / "seen")!r})
def serve(command):
    assert command["op"] == {op!r}
    if not seen.exists():
        seen.touch()
        say("vector", id=command["id"], numbers=[1.0])
        os._exit(3)
    done(command["id"])
main(serve)
""")

    async def work() -> None:
        if op == "embed":
            await supervisor.embed(EmbedRequest(input=["a", "b"]), chains, Facts())
        else:
            await supervisor.count(ask("a"), chains, Facts())

    async with supervised(command) as supervisor:
        with pytest.raises(WorkerCrashed, match="exit code 3"):
            await work()
        await work()


async def test_refusals_of_texts_keep_their_paths_and_the_worker(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        request = EmbedRequest(input=["A", "x" * 300])
        with pytest.raises(ContextLength, match="301 tokens") as refusal:
            await supervisor.embed(request, chains, Facts())
        assert refusal.value.path == "$.input[1]"
        pid = supervisor.worker_pid
        found = await supervisor.embed(EmbedRequest(input=["A"]), chains, Facts())
        assert len(found.vectors) == 1
        assert supervisor.worker_pid == pid


async def test_the_provider_tells_that_it_shortens_by_cutting(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        provider = LocalProvider(supervisor, [chains], of_the_worker())
        for dimensions, told in ((None, 0), (8, 1)):
            facts = Facts()
            request = EmbedRequest(input=["A"], dimensions=dimensions)
            await provider.embed(request, "chains", facts)
            assert len(facts.warnings) == told

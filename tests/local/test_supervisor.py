"""The supervisor: order, cancellation, crashes. Real workers, and scripted ones that misbehave."""

from __future__ import annotations

import os
import signal
import sys

import anyio
import pytest

from sidecar.errors import (
    AIError,
    Cancelled,
    ComponentMissing,
    ContextLength,
    ModelNotFound,
    RequestRejected,
    WorkerCrashed,
)
from sidecar.local.models import LocalModel
from sidecar.local.place import of_the_worker
from sidecar.local.process import without_secrets
from sidecar.providers.local import LocalProvider
from sidecar.providers.sink import Facts
from sidecar.values import (
    AIMessage,
    AIRequest,
    EmbedRequest,
    ImagePart,
    ReasoningOptions,
)
from tests.local.supervision import ask, scripted, supervised
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio
posix = pytest.mark.skipif(sys.platform == "win32", reason="kills and asks by POSIX means")

DEAF = scripted("""
def serve(command):
    if command["op"] == "chat":
        say("chunk", id=command["id"], content="I don't listen")
main(serve)
""")
MUTE = scripted("sys.stdin.read()")


async def test_an_answer_is_streamed_with_its_usage_and_facts(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        assert supervisor.worker_pid is None
        tape = Tape()
        await supervisor.chat(ask("A"), chains, tape)
    assert [chunk.content for chunk in tape.chunks[:-1]] == ["Hello", " wide", " world"]
    last = tape.chunks[-1]
    assert last.finish_reason == "stop"
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (2, 3)
    assert last.usage.total_tokens == 5
    assert tape.was_sent
    assert tape.facts.model == "chains"


async def test_what_a_local_model_does_not_do_is_told_as_a_warning(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        tape = Tape()
        request = ask("A", reasoning=ReasoningOptions(effort="high"))
        await supervisor.chat(request, chains, tape)
    assert len(tape.facts.warnings) == 1
    assert "reasoning" in tape.facts.warnings[0]


async def test_requests_are_answered_in_the_order_in_which_they_came(chains: LocalModel) -> None:
    ended: list[int] = []

    async def one(number: int) -> None:
        tape = Tape()
        await supervisor.chat(ask("ABE"[number % 3]), chains, tape)
        assert tape.content == ["Hello wide world", "😀 smile", "one<END>two"][number % 3]
        ended.append(number)

    async with supervised() as supervisor, anyio.create_task_group() as requests:
        for number in range(6):
            requests.start_soon(one, number)
    assert ended == list(range(6))


async def test_errors_of_the_request_leave_the_worker_alive(
    chains: LocalModel, broken: LocalModel
) -> None:
    async with supervised() as supervisor:
        with pytest.raises(ContextLength, match="301 tokens"):
            await supervisor.chat(ask("x" * 300), chains, Tape())
        pid = supervisor.worker_pid
        with pytest.raises(ModelNotFound, match="can't be loaded"):
            await supervisor.chat(ask("A"), broken, Tape())
        image = AIMessage(role="user", content=[ImagePart(url="https://a.example/b.png")])
        with pytest.raises(RequestRejected) as refusal:
            await supervisor.chat(AIRequest(messages=[image]), chains, Tape())
        assert refusal.value.path == "$.request.messages[0].content[0]"
        tape = Tape()
        await supervisor.chat(ask("A"), chains, tape)
        assert tape.content == "Hello wide world"
        assert supervisor.worker_pid == pid


async def test_a_cancelled_caller_leaves_at_once_and_the_worker_goes_on(
    chains: LocalModel,
) -> None:
    endless = LocalModel(id="e", path=chains.path, context=4096, gpu_layers=0, threads=1)
    async with supervised() as supervisor:
        tape = Tape()
        with anyio.CancelScope() as scope:
            tape.on_chunk = scope.cancel
            await supervisor.chat(ask("C"), endless, tape)
        assert scope.cancelled_caught
        assert len(tape.chunks) < 4000
        pid = supervisor.worker_pid
        after = Tape()
        await supervisor.chat(ask("A"), endless, after)
        assert after.content == "Hello wide world"
        assert supervisor.worker_pid == pid
        heard = len(tape.chunks)
        assert heard < 4000, "nothing is emitted after the cancel"


async def test_a_cancel_during_prompt_evaluation_stops_it(slow: LocalModel) -> None:
    async with supervised() as supervisor:
        await supervisor.chat(ask("x", max_tokens=1), slow, Tape())
        pid = supervisor.worker_pid
        tape = Tape()
        async with anyio.create_task_group() as requests:
            # Evaluated whole, this takes many times the grace after which a worker is killed.
            requests.start_soon(supervisor.chat, ask("x" * 12_000), slow, tape)
            while not tape.was_sent:
                await anyio.lowlevel.checkpoint()
            requests.cancel_scope.cancel()
        assert tape.chunks == []
        after = Tape()
        await supervisor.chat(ask("x", max_tokens=1), slow, after)
        assert after.chunks[-1].finish_reason == "length"
        assert supervisor.worker_pid == pid


async def test_a_cancel_while_waiting_in_the_queue_disturbs_nobody(chains: LocalModel) -> None:
    first, second, third = Tape(), Tape(), Tape()
    door = anyio.Event()
    first.doors.append(door)
    async with supervised() as supervisor, anyio.create_task_group() as requests:
        requests.start_soon(supervisor.chat, ask("A"), chains, first)
        await first.heard.wait()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(supervisor.chat, ask("B"), chains, second)
            await anyio.wait_all_tasks_blocked()
            requests.start_soon(supervisor.chat, ask("E"), chains, third)
            await anyio.wait_all_tasks_blocked()
            waiting.cancel_scope.cancel()
        door.set()
        pid = supervisor.worker_pid
        await third.heard.wait()
        assert supervisor.worker_pid == pid
    assert (first.content, second.content, third.content) == ("Hello wide world", "", "one<END>two")
    assert not second.was_sent


async def test_a_cancel_while_the_worker_starts_leaves_it_usable(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        async with anyio.create_task_group() as requests:
            requests.start_soon(supervisor.chat, ask("A"), chains, Tape())
            while supervisor.worker_pid is None:
                await anyio.lowlevel.checkpoint()
            requests.cancel_scope.cancel()
        pid = supervisor.worker_pid
        tape = Tape()
        await supervisor.chat(ask("A"), chains, tape)
        assert tape.content == "Hello wide world"
        assert supervisor.worker_pid == pid


@posix
async def test_a_worker_that_ignores_a_cancel_is_killed_and_replaced(chains: LocalModel) -> None:
    async with supervised(DEAF, cancel_grace_s=0.05) as supervisor:
        pids = []
        for _ in range(2):
            tape = Tape()
            with anyio.CancelScope() as scope:
                tape.on_chunk = scope.cancel
                await supervisor.chat(ask("A"), chains, tape)
            assert tape.content == "I don't listen"
            pids.append(supervisor.worker_pid)
        assert pids[0] != pids[1]
        assert pids[0] is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pids[0], 0)


@posix
async def test_a_killed_worker_is_a_crash_and_the_next_request_works(chains: LocalModel) -> None:
    endless = LocalModel(id="e", path=chains.path, context=4096, gpu_layers=0, threads=1)
    async with supervised() as supervisor:
        tape = Tape()

        def kill() -> None:
            if len(tape.chunks) == 1:
                os.kill(supervisor.worker_pid or 0, signal.SIGKILL)

        tape.on_chunk = kill
        with pytest.raises(WorkerCrashed, match=r"signal 9 \(SIGKILL\)") as crash:
            await supervisor.chat(ask("C"), endless, tape)
        assert "memory" in crash.value.hint
        after = Tape()
        await supervisor.chat(ask("A"), endless, after)
        assert after.content == "Hello wide world"


async def test_a_crash_tells_the_exit_code_and_the_last_lines_of_the_log(
    chains: LocalModel,
) -> None:
    command = scripted("""
def serve(command):
    for number in range(100):
        print("ggml: line", number, file=sys.stderr, flush=True)
    os._exit(3)
main(serve)
""")
    async with supervised(command) as supervisor:
        with pytest.raises(WorkerCrashed, match="exit code 3") as crash:
            await supervisor.chat(ask("A"), chains, Tape())
    assert "ggml: line 99" in crash.value.message
    assert "ggml: line 50" not in crash.value.message


@posix
async def test_a_worker_that_died_while_idle_is_replaced_without_a_word(
    chains: LocalModel,
) -> None:
    async with supervised() as supervisor:
        await supervisor.chat(ask("A"), chains, Tape())
        os.kill(supervisor.worker_pid or 0, signal.SIGKILL)
        while supervisor.worker_pid:
            await anyio.lowlevel.checkpoint()
        tape = Tape()
        await supervisor.chat(ask("A"), chains, tape)
        assert tape.content == "Hello wide world"


async def test_a_worker_that_hangs_at_its_start_is_told(chains: LocalModel) -> None:
    async with supervised(MUTE, start_s=0.05) as supervisor:
        with pytest.raises(WorkerCrashed, match=r"did not start within 0.05 s"):
            await supervisor.chat(ask("A"), chains, Tape())
        assert supervisor.worker_pid is None


@pytest.mark.parametrize(
    "program", ["print('hello', flush=True)", "say('done'); sys.stdin.read()", "print('{}')"]
)
async def test_a_worker_that_does_not_speak_the_protocol_is_ended(
    chains: LocalModel, program: str
) -> None:
    async with supervised(scripted(program)) as supervisor:
        with pytest.raises(WorkerCrashed):
            await supervisor.chat(ask("A"), chains, Tape())
        assert supervisor.worker_pid is None


async def test_a_missing_llama_cpp_is_a_missing_component(chains: LocalModel) -> None:
    program = "import sys; sys.modules['llama_cpp'] = None; import sidecar.local.worker as w; "
    async with supervised((sys.executable, "-c", program + "w.main()")) as supervisor:
        for _ in range(2):
            with pytest.raises(ComponentMissing) as missing:
                await supervisor.chat(ask("A"), chains, Tape())
            assert "pip install '.[local]'" in missing.value.hint
            assert "scripts/setup" in missing.value.hint


async def test_a_missing_worker_is_a_missing_component(chains: LocalModel) -> None:
    async with supervised(("/nowhere/ai-sidecar-llama",)) as supervisor:
        with pytest.raises(ComponentMissing, match="ai-sidecar-llama"):
            await supervisor.chat(ask("A"), chains, Tape())


async def test_no_key_reaches_the_workers_environment(chains: LocalModel) -> None:
    command = scripted("""
def serve(command):
    say("chunk", id=command["id"], content=" ".join(os.environ))
    done(command["id"])
main(serve)
""")
    secrets = ["OPENAI_API_KEY", "HF_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "HTTPS_PROXY"]
    environment = dict(os.environ) | dict.fromkeys(secrets, "hush") | {"GGML_DEBUG": "1"}
    async with supervised(command, environment) as supervisor:
        tape = Tape()
        await supervisor.chat(ask("A"), chains, tape)
    names = tape.content.split()
    assert "GGML_DEBUG" in names
    assert not set(secrets) & set(names)


def test_what_a_worker_needs_of_the_environment_is_kept() -> None:
    system = ["PATH", "HOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "PYTHONPATH", "LANG"]
    native = ["CUDA_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES", "OMP_NUM_THREADS"]
    needed = dict.fromkeys(system + native, "x")
    assert without_secrets(needed) == needed


async def test_an_idle_worker_is_ended_and_started_again(chains: LocalModel) -> None:
    async with supervised(keep_alive_s=0.0) as supervisor:
        pids = set()
        for _ in range(2):
            tape = Tape()
            await supervisor.chat(ask("A"), chains, tape)
            pids.add(supervisor.worker_pid)
            while supervisor.worker_pid:
                await anyio.lowlevel.checkpoint()
            assert tape.content == "Hello wide world"
        assert len(pids) == 2


async def test_a_crowded_sink_is_given_no_more_until_it_has_room(chains: LocalModel) -> None:
    tape = Tape()
    tape.doors = [anyio.Event(), anyio.Event()]
    async with supervised() as supervisor, anyio.create_task_group() as requests:
        first, second = tape.doors
        requests.start_soon(supervisor.chat, ask("A"), chains, tape)
        await tape.heard.wait()
        await anyio.wait_all_tasks_blocked()
        assert tape.content == "Hello"
        first.set()
        while len(tape.chunks) < 2:
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert tape.content == "Hello wide"
        second.set()
    assert tape.content == "Hello wide world"


async def test_a_sink_that_fails_fails_its_own_request_only(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        tape = Tape()

        def fail() -> None:
            raise RuntimeError("no more")

        tape.on_chunk = fail
        with pytest.raises(RuntimeError, match="no more"):
            await supervisor.chat(ask("C"), chains, tape)
        after = Tape()
        await supervisor.chat(ask("A"), chains, after)
        assert after.content == "Hello wide world"


@posix
async def test_closing_ends_the_worker_and_whoever_waits_for_it(chains: LocalModel) -> None:
    raised: list[AIError] = []

    async def one(text: str, tape: Tape) -> None:
        with pytest.raises(Cancelled) as cancelled:
            await supervisor.chat(ask(text), chains, tape)
        raised.append(cancelled.value)

    async with supervised(DEAF) as supervisor:
        tape = Tape()
        async with anyio.create_task_group() as requests:
            requests.start_soon(one, "A", tape)
            await tape.heard.wait()
            requests.start_soon(one, "B", Tape())
            await anyio.wait_all_tasks_blocked()
            pid = supervisor.worker_pid or 0
            await supervisor.close()
            assert not _exists(pid)
        with pytest.raises(Cancelled):
            await supervisor.chat(ask("A"), chains, Tape())
    assert len(raised) == 2


async def test_the_provider_finds_its_models_by_id(chains: LocalModel) -> None:
    async with supervised() as supervisor:
        provider = LocalProvider(supervisor, [chains], of_the_worker())
        assert [model.id for model in provider.models()] == ["chains"]
        tape = Tape()
        await provider.stream(ask("A"), "chains", tape)
        assert tape.content == "Hello wide world"
        with pytest.raises(ModelNotFound, match="nothing") as refusal:
            await provider.stream(ask("A"), "nothing", Tape())
        assert "chains" in refusal.value.hint
        for wanted in (
            provider.embed(EmbedRequest(input=["A"]), "nothing", Facts()),
            provider.count_tokens(ask("A"), "nothing", Facts()),
        ):
            with pytest.raises(ModelNotFound, match="nothing"):
                await wanted
        assert await provider.count_tokens(ask("A"), "chains", Facts()) == 2


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

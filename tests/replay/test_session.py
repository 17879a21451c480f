from __future__ import annotations

import pytest

from sidecar.replay.session import (
    AnyNumber,
    EndInput,
    Exit,
    Expect,
    Pattern,
    Send,
    SessionError,
    Start,
    parse,
)


def steps_of(text: str) -> list[object]:
    return list(parse(text, "x.session").steps)


def problem_of(text: str) -> str:
    with pytest.raises(SessionError) as caught:
        parse(text, "x.session")
    return str(caught.value)


def test_each_mark_is_a_step_with_its_line() -> None:
    text = "# says hello\n\n$ ai-sidecar --drain\n--> {}\n<-- [1]\n<-- * note\n"
    text += "--> <eof>\n<-- <exit 3>\n"
    assert steps_of(text) == [
        Start(3, ("--drain",)),
        Send(4, "{}"),
        Expect(5, (Pattern(5, [1]),)),
        AnyNumber(6, "note"),
        EndInput(7),
        Exit(8, 3),
    ]


def test_without_a_command_a_sidecar_starts_without_arguments() -> None:
    assert steps_of("--> {}")[0] == Start(1, ())


def test_arguments_are_split_as_a_shell_would() -> None:
    assert steps_of("$ ai-sidecar --home 'my home'\n--> {}")[0] == Start(1, ("--home", "my home"))


def test_what_is_sent_is_sent_as_it_stands() -> None:
    step = steps_of('-->  {"a": 1,, \t}')[1]
    assert isinstance(step, Send)
    assert step.filled({}) == b' {"a": 1,, \t}\n'


def test_bytes_that_are_not_utf_8_are_sent_as_they_stand() -> None:
    step = parse(b"--> \xff".decode("utf-8", "surrogateescape"), "x").steps[1]
    assert isinstance(step, Send)
    assert step.filled({}) == b"\xff\n"


def test_a_kept_value_is_put_into_what_is_sent() -> None:
    step = steps_of('<-- "$set:id"\n--> {"id": "$get:id"}')[2]
    assert isinstance(step, Send)
    assert step.filled({"id": 'a"b'}) == b'{"id": "a\\"b"}\n'


def test_what_must_come_may_go_on_in_indented_lines() -> None:
    assert steps_of('<-- {"a":\n      1}\n<-- 2')[1:] == [
        Expect(1, (Pattern(1, {"a": 1}),)),
        Expect(3, (Pattern(3, 2),)),
    ]


def test_loose_lines_in_a_row_are_one_group() -> None:
    assert steps_of("<-- ~ 1\n# why\n<-- ~ 2\n<-- 3")[1:] == [
        Expect(1, (Pattern(1, 1), Pattern(3, 2)), loose=True),
        Expect(4, (Pattern(4, 3),)),
    ]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    assert steps_of("\ufeff--> {}\r\n<-- 1\r\n")[1:] == [Send(1, "{}"), Expect(2, (Pattern(2, 1),))]


def test_a_first_line_may_name_what_is_needed() -> None:
    assert parse("# needs: llama_cpp, numpy\n--> {}", "x").needs == ("llama_cpp", "numpy")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("--> 1\n<- 2", "x.session:2: a line begins with `$`, `-->`, `<--` or `#`, not with '<-'."),
        ("<-- {", "x.session:1: what must come is not JSON: "),
        ("--> 1\n  2", "x.session:2: an indented line goes on with a `<--` line"),
        ("$ rm -rf /", "x.session:1: a command is `$ ai-sidecar ARGS`."),
        ("$ ai-sidecar '", "x.session:1: the command can't be split into words: "),
        ("<-- * not/a/method", "x.session:1: 'not/a/method' is not the name of a notification."),
        ('--> "$get:id"', "x.session:1: `$get:id` comes before its `$set:id`."),
        ('<-- "$get:id"', "x.session:1: `$get:id` comes before its `$set:id`."),
        ("<-- <exit 0>\n--> 1", "x.session:2: the sidecar has ended here."),
        ("--> <eof>\n<-- 1\n--> 1", "x.session:3: stdin is closed here."),
        ("# nothing\n", "x.session:1: nothing is sent and nothing is expected."),
    ],
)
def test_a_mistake_names_file_and_line(text: str, problem: str) -> None:
    assert problem_of(text).startswith(problem)


def test_after_its_end_another_sidecar_may_start() -> None:
    assert Exit(2, 0) in steps_of("--> 1\n<-- <exit 0>\n$ ai-sidecar\n--> 2")

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.errors import StorageError
from sidecar.records import database
from sidecar.records.database import Database, is_damaged

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a" / "home"


def change(home: Path, statement: str) -> None:
    connection = sqlite3.connect(home / "sidecar.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_what_is_written_is_read_again(home: Path) -> None:
    Database(home).write_setting("a", b"\x001")
    Database(home).write_setting("b", b"2")
    Database(home).write_setting("a", b"3")
    Database(home).write_setting("b", None)
    Database(home).write_setting("none", None)
    assert Database(home).read_settings() == {"a": b"3"}


def test_reading_makes_nothing(home: Path) -> None:
    assert Database(home).read_settings() == {}
    assert not home.parent.exists()


@posix
def test_its_files_are_the_owners_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        Database(home).write_setting("a", b"1")
    finally:
        os.umask(before)
    assert home.stat().st_mode & 0o777 == 0o700
    assert {(each.name, each.stat().st_mode & 0o777) for each in home.iterdir()} == {
        ("sidecar.db", 0o600)
    }


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_told(home: Path, content: bytes) -> None:
    home.mkdir(parents=True)
    (home / "sidecar.db").write_bytes(content)
    with pytest.raises(StorageError, match=r"sidecar\.db can't be used") as told:
        Database(home).read_settings()
    assert is_damaged(told.value)
    assert "backup" in told.value.hint
    with pytest.raises(StorageError):
        Database(home).write_setting("a", b"1")
    assert (home / "sidecar.db").read_bytes() == content


def test_a_file_of_a_newer_version_is_left_as_it_is(home: Path) -> None:
    Database(home).write_setting("a", b"1")
    version = len(database._MIGRATIONS)
    change(home, "PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="newer version") as caught:
        Database(home).read_settings()
    assert "Update the app" in caught.value.hint
    change(home, f"PRAGMA user_version = {version}")
    assert Database(home).read_settings() == {"a": b"1"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    database = Database(tmp_path / "file" / "home")
    assert database.read_settings() == {}
    with pytest.raises(StorageError, match="can't be used"):
        database.write_setting("a", b"1")


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be read"):
        Database(tmp_path / ("x" * 5000)).read_settings()


@pytest.mark.parametrize("value", ["5", "'text'", "1.5", "100000000000000"])
def test_values_of_another_type_are_bytes_all_the_same(home: Path, value: str) -> None:
    Database(home).write_setting("a", b"1")
    change(home, f"UPDATE settings SET value = {value}")  # noqa: S608 - the test's own
    assert Database(home).read_settings()["a"] == value.strip("'").encode()


@posix
def test_where_files_have_no_second_name_it_is_made_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    Database(home).write_setting("a", b"1")
    assert [each.name for each in home.iterdir()] == ["sidecar.db"]
    assert Database(home).read_settings() == {"a": b"1"}


def test_many_at_once_lose_nothing(home: Path) -> None:
    failures: list[Exception] = []
    start = threading.Barrier(16)

    def write(number: int) -> None:
        start.wait()
        try:
            Database(home).write_setting(f"n{number}", b"1")
        except StorageError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(Database(home).read_settings()) == 16


def test_who_writes_has_the_file_to_himself_while_others_want_to_write_too(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.0)
    other_process = (
        "import sqlite3, sys\n"
        "sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"
    )
    with Database(home).transaction():
        with pytest.raises(StorageError, match="locked"):
            Database(home).write_setting("a", b"1")
        command = [sys.executable, "-c", other_process, str(home / "sidecar.db")]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "database is locked" in other.stderr


def test_a_migration_that_was_cut_off_is_done_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        name = "sidecar.records.database._MIGRATIONS"
        patch.setattr(name, ("CREATE TABLE settings (name, value)", "NOT SQL"))
        with pytest.raises(StorageError):
            Database(home).write_setting("a", b"1")
    Database(home).write_setting("a", b"1")
    assert Database(home).read_settings() == {"a": b"1"}


def test_who_reads_waits_for_nobody_who_is_about_to_write(home: Path) -> None:
    Database(home).write_setting("a", b"1")
    writer = sqlite3.connect(home / "sidecar.db", isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        assert Database(home).read_settings() == {"a": b"1"}
    finally:
        writer.close()


def test_one_reading_sees_one_moment(home: Path) -> None:
    Database(home).write_setting("a", b"1")
    query = "SELECT count(*) FROM settings"
    with Database(home).reading() as connection:
        assert connection.execute(query).fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError), closing(_hasty(home)) as writer:
            writer.execute("INSERT INTO settings VALUES ('b', x'32')")
        assert connection.execute(query).fetchone() == (1,)


def _hasty(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(home / "sidecar.db", timeout=0, isolation_level=None)

"""sidecar.db: opened when first needed, migrated by number, 0600 in a 0700 folder.

What is set over RPC lives here and not in config.toml, which is the user's own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.errors import StorageError

if TYPE_CHECKING:
    import sqlite3

# Each statement runs once, in order; `user_version` says how many have. Never change one.
_MIGRATIONS = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    # Which keys there are and where: everything about them but the keys (keys/index.py).
    """CREATE TABLE keys (
        provider TEXT NOT NULL, key_id TEXT NOT NULL, store TEXT NOT NULL, origins TEXT NOT NULL,
        fingerprint TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (provider, key_id)
    ) WITHOUT ROWID""",
    # The vault: how its data key is wrapped, and what is encrypted under it (keys/vault.py).
    """CREATE TABLE vault (
        only INTEGER PRIMARY KEY CHECK (only = 1), header TEXT NOT NULL,
        nonce BLOB NOT NULL, wrapped BLOB NOT NULL
    )""",
    """CREATE TABLE secrets (
        provider TEXT NOT NULL, key_id TEXT NOT NULL, origins TEXT NOT NULL,
        nonce BLOB NOT NULL, ciphertext BLOB NOT NULL, PRIMARY KEY (provider, key_id)
    ) WITHOUT ROWID""",
    # What happened to keys (keys/audit.py).
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY, event TEXT NOT NULL, digest BLOB NOT NULL, mac BLOB
    )""",
    # What was broken in it when it was begun anew, for who wants to look.
    "CREATE TABLE audit_before (seq INTEGER, event TEXT, digest BLOB, mac BLOB)",
    # Which copy of a key counts (keys/leftovers.py).
    "ALTER TABLE keys ADD COLUMN copy TEXT NOT NULL DEFAULT ''",
)
_BUSY_S = 5.0


_RESTORE = "Restore sidecar.db from a backup, or move it away and enter the keys again."


class _Emptied(OSError):
    """Nothing is in the file, which was made with its tables in it."""


class Database:
    """The file, and the settings in it. Its methods block; they are called in a thread."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._path = home / "sidecar.db"

    def exists(self) -> bool:
        """False before anything was kept. Raises `StorageError`."""
        try:
            self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            message = f"{self._path} can't be read: {error}."
            raise StorageError(message) from error
        return True

    def read_settings(self) -> dict[str, bytes]:
        """Return every setting; nothing is created where there is none. Raises `StorageError`."""
        if not self.exists():
            return {}
        # Cast, since SQLite keeps any type in any column.
        query = "SELECT CAST(name AS TEXT), CAST(value AS BLOB) FROM settings"
        with self.reading() as connection:
            return dict(connection.execute(query).fetchall())

    def write_setting(self, name: str, value: bytes | None) -> None:
        """Set or, with None, remove a setting. Raises `StorageError`."""
        with self.transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM settings WHERE name = ?", (name,))
            else:
                connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def setdefault(self, name: str, value: bytes) -> bytes:
        """Set it where it is not set; return what it is then. Raises `StorageError`."""
        with self.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, value))
            query = "SELECT CAST(value AS BLOB) FROM settings WHERE name = ?"
            return bytes(connection.execute(query, (name,)).fetchone()[0])

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Look at what is kept, all of it as it was at one moment. Raises `StorageError`.

        Nothing is created where there is nothing: the tables are empty then. It serves a file that
        can't be written, too.
        """
        with self._told(), closing(self._connect(empty=not self.exists())) as connection:
            connection.execute("BEGIN")
            if _version(connection) == len(_MIGRATIONS):
                yield connection
                return
        with self.transaction() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything that is done in here is done, or nothing is. Raises `StorageError`."""
        with self._told():
            if not self.exists():
                self._create()
            with closing(self._connect()) as connection, connection:
                # What is deleted is overwritten: an old key must not stay in a free page.
                connection.execute("PRAGMA secure_delete = ON")
                # One transaction, statements that change the tables included: whoever opens it at
                # the same moment waits, and a crash leaves no half of a migration behind.
                connection.execute("BEGIN IMMEDIATE")
                self._migrate(connection)
                yield connection

    def _create(self) -> None:
        """Make the file, 0600, with its tables in it: one that is empty was cut off.

        Under another name at first. Nobody but SQLite ever opens one that is in use: on Unix the
        closing would give back, unnoticed, the locks that SQLite has on it for other threads, and
        two who write at once destroy the file.
        """
        with closing(self._connect(empty=True)) as connection:
            content = connection.serialize()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, made = tempfile.mkstemp(prefix=f"{self._path.name}-new-", dir=self._path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(number)
            _give_name(Path(made), self._path)
        finally:
            Path(made).unlink(missing_ok=True)

    def _connect(self, *, empty: bool = False) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415 - the first answer must not wait for it

        if empty:
            connection = sqlite3.connect(":memory:", isolation_level=None)
            self._migrate(connection)
            return connection
        if self._path.stat().st_size == 0:
            raise _Emptied("it is empty")
        # Never read-only: after a crash SQLite must first undo what was half written.
        place = f"{self._path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(place, timeout=_BUSY_S, isolation_level=None, uri=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        import sqlite3  # noqa: PLC0415 - see _connect

        try:
            yield
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            # UnicodeDecodeError: SQLite quotes what it finds in a damaged file.
            hint = _RESTORE if _is_damage(error) else None
            raise StorageError(f"{self._path} can't be used: {error}.", hint=hint) from error

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        if version > len(_MIGRATIONS):
            message = f"{self._path} was written by a newer version of the sidecar."
            raise StorageError(message, hint="Update the app, or move the file away.")
        for number, statement in enumerate(_MIGRATIONS[version:], start=version + 1):
            connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def is_damaged(error: StorageError) -> bool:
    """True where the file is no database any more, or not whole."""
    return _is_damage(error.__cause__)


def _is_damage(error: BaseException | None) -> bool:
    if isinstance(error, UnicodeDecodeError | _Emptied):
        return True
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _give_name(made: Path, path: Path) -> None:
    """Another process may have made one meanwhile; then that is the one."""
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            made.rename(path)

"""A Secret Service of the tests' own: gnome-keyring on a D-Bus session that nobody else is on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conditions import comes_true
from tests.conftest import install_lines, missing

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

_NAME = "org.freedesktop.secrets"
_PASSWORD = b"the password of the desktop"
_LIMIT_S = 10.0


class SecretService:
    """Runs in a folder of its own, until closed. `environment` is for who is to use it."""

    def __init__(self) -> None:
        # Not pytest's folder: a socket's path must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="keyring-"))
        homes = ("HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        self._own = {"PATH": os.environ["PATH"]} | dict.fromkeys(homes, str(self._folder))
        address = f"--address=unix:dir={self._folder}"
        self._bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address", address],  # noqa: S607 - PATH's
            env=self._own,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._bus.stdout is not None
        with self._bus.stdout as said:
            self.address = said.readline().decode().strip()
        self.environment = {
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
        }
        self._daemon = self._start()

    def lock(self) -> None:
        """Lock it, as a desktop does after a while."""
        import secretstorage  # noqa: PLC0415 - Linux alone has it
        from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - as above

        with open_dbus_connection(self.address) as connection:
            secretstorage.Collection(connection).lock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock it, and open it again. Without a display that takes a new daemon."""
        self.lock()
        try:
            yield
        finally:
            _end(self._daemon)
            self._daemon = self._start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody."""
        self._daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._daemon.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End both programs."""
        _end(self._daemon)
        _end(self._bus)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        """Start it with its collection unlocked, and wait until it is on the bus."""
        from jeepney import MatchRule, message_bus  # noqa: PLC0415 - Linux alone has it
        from jeepney.io.blocking import Proxy, open_dbus_connection  # noqa: PLC0415 - as above

        rule = MatchRule(type="signal", sender=message_bus.bus_name, member="NameOwnerChanged")
        rule.add_arg_condition(0, _NAME)
        with ExitStack() as stack:
            connection = stack.enter_context(open_dbus_connection(self.address))
            bus = Proxy(message_bus, connection)
            bus.AddMatch(rule)
            came = stack.enter_context(connection.filter(rule))
            daemon = subprocess.Popen(
                ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],  # noqa: S607 - PATH's
                env=self._own | {"DBUS_SESSION_BUS_ADDRESS": self.address},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert daemon.stdin is not None
            with daemon.stdin as password:
                password.write(_PASSWORD)
            connection.recv_until_filtered(came, timeout=_LIMIT_S)
            # It takes its name before it has read the password.
            assert comes_true(lambda: self._is_open(connection))
        return daemon

    @staticmethod
    def _is_open(connection: DBusConnection) -> bool:
        import secretstorage  # noqa: PLC0415 - Linux alone has it

        try:
            return not secretstorage.Collection(connection).is_locked()
        except secretstorage.ItemNotFoundException:
            return False


def running() -> Iterator[SecretService]:
    """One for a whole session of tests, or a skip that says what to install."""
    if sys.platform != "linux":
        pytest.skip("this system's keyring is another one")
    if not all(map(shutil.which, ("gnome-keyring-daemon", "dbus-daemon"))):
        lines = install_lines("keyring") or ["scripts/setup --system --for test"]
        missing("gnome-keyring", "; ".join(lines))
    service = SecretService()
    try:
        yield service
    finally:
        service.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # also where it is stopped
    process.wait(_LIMIT_S)

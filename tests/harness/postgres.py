"""A real PostgreSQL server for a test session: its own cluster on a free port, stopped by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from .processes import wait_until

PASSWORD = "admin-PASSW0RD-of-the-tests"


def _binaries() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    assert versions, "PostgreSQL is not installed: script/bootstrap --only system"
    return versions[-1]


class Postgres:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = _free_port()
        self._bin = _binaries()
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        root.mkdir(parents=True)
        shutil.chown(root, self._user)
        secret = root / "password"
        secret.write_text(PASSWORD)
        shutil.chown(secret, self._user)
        self._run("initdb", "-D", str(root / "db"), "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync")
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", str(root / "db"), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(root), "-c", "fsync=off", "-c", "max_connections=200"],
            user=self._user, stdout=(root / "log").open("wb"), stderr=subprocess.STDOUT, cwd="/")
        wait_until(self._answers, "PostgreSQL up")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([self._bin / program, *arguments], user=self._user, check=True, capture_output=True, cwd="/")

    def _answers(self) -> bool:
        return subprocess.run([self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode == 0

    def query(self, sql: str, database: str = "postgres", user: str = "postgres", password: str = PASSWORD) -> list[list[str]]:
        done = subprocess.run(
            [self._bin / "psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql],
            env={"PGPASSWORD": password, "PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines() if line]

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def connection(self, name: str = "pg", **more: Any) -> dict[str, Any]:
        return {
            "apiVersion": "planton.dev/v1",
            "kind": "Connection",
            "metadata": {"name": name, "org": "default"},
            "spec": {
                "provider": "postgresql",
                "default": True,
                "fields": {"host": "127.0.0.1", "port": str(self.port), "user": "postgres", "password": PASSWORD, "sslMode": "disable"},
            } | more,
        }


def database(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "postgresql.planton.dev/v1",
        "kind": "PostgresDatabase",
        "metadata": {"name": name, "org": "default", "env": "dev"},
        "spec": {"databaseName": name.replace("-", "_"), "ownerName": name.replace("-", "_") + "_owner"} | spec,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

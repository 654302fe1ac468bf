"""How the server keeps house: folders, keys, contexts, ports, backups."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness.kinds import manifest, write_kind
from harness.planton import BINARY, ApiError, Platform, playground


def config(server: Platform) -> Path:
    return server.root / "config" / "planton"


def run(server: Platform, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BINARY, "server", *arguments], env=server.env() | environment, capture_output=True, text=True, timeout=30, check=False)


def test_nothing_is_open_to_others(server: Platform) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700
    for path in (server.data / "planton.db", config(server) / "master.key", config(server) / "config.yaml", Path(server.context()["tokenFile"])):
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_a_second_server_is_refused(server: Platform) -> None:
    second = run(server, "--data", str(server.data))
    assert second.returncode != 0
    assert server.process and f"pid {server.process.pid}" in second.stderr


def test_port_and_key_survive_a_restart(server: Platform) -> None:
    base, token = server.base, server.token
    server.restart()
    assert (server.base, server.token) == (base, token)


def test_other_contexts_stay(make_server: Callable[..., Platform]) -> None:
    server = make_server()
    config(server).mkdir(parents=True)
    other = {"server": "https://planton.example", "token": "pt_x"}
    (config(server) / "config.yaml").write_text(yaml.safe_dump({"currentContext": "work", "contexts": {"work": other}}))
    server.start()
    document = yaml.safe_load((config(server) / "config.yaml").read_text())
    assert document["currentContext"] == "work" and document["contexts"]["work"] == other
    assert document["contexts"]["local"]["org"] == "default" and document["contexts"]["local"]["env"] == "dev"


def test_a_lost_admin_key_is_made_again(server: Platform) -> None:
    Path(server.context()["tokenFile"]).unlink()
    server.restart()
    assert server.api("GET", "/api/v1/version")["apiVersion"] == "v1"


def test_another_master_key_is_refused(server: Platform) -> None:
    server.stop()
    listen = ("--data", str(server.data), "--listen", "127.0.0.1:0", "--no-runner", *server.arguments)
    wrong = run(server, *listen, PLANTON_MASTER_KEY="0" * 64)
    assert wrong.returncode != 0 and "sealed under the master key" in wrong.stderr
    key = config(server) / "master.key"
    key.rename(key.with_suffix(".away"))
    missing = run(server, *listen)
    assert missing.returncode != 0 and "missing" in missing.stderr and not key.exists()
    server.environment["PLANTON_MASTER_KEY_COMMAND"] = f"cat {key.with_suffix('.away')}"
    server.start()


def test_master_key_leaves_the_environment(make_server: Callable[..., Platform]) -> None:
    server = make_server(PLANTON_MASTER_KEY="ab" * 32).start()
    assert server.process and b"abab" not in Path(f"/proc/{server.process.pid}/environ").read_bytes()


def test_backup_and_restore(server: Platform) -> None:
    server.apply(playground("kept"))
    backup = server.root / "backup"
    assert run(server, "backup", "--data", str(server.data), "--to", str(backup)).returncode == 0
    server.apply(playground("lost"))
    running = run(server, "restore", "--data", str(server.data), "--from", str(backup), "--force")
    assert running.returncode != 0 and "another server" in running.stderr
    server.stop()
    careless = run(server, "restore", "--data", str(server.data), "--from", str(backup))
    assert careless.returncode != 0 and "--force" in careless.stderr
    assert run(server, "restore", "--data", str(server.data), "--from", str(backup), "--force").returncode == 0
    with sqlite3.connect(server.data / "planton.db") as database:
        assert database.execute("SELECT min(epoch) FROM stack_job").fetchone()[0] >= 1_000_000
    server.start()
    assert server.api("GET", "/api/v1/cloud-resources/kept")
    with pytest.raises(ApiError):
        server.api("GET", "/api/v1/cloud-resources/lost")
    assert any(name.startswith("planton.db.before-restore-") for name in os.listdir(server.data))


def kinds(server: Platform) -> set[str]:
    return {kind["name"] for kind in server.api("GET", "/api/v1/cloud-resource-kinds")["items"]}


def test_a_catalogue_adds_to_the_built_in_one(make_server: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "mine", "Mine", "# nothing\n")
    write_kind(tmp_path / "mine", "Playground", "# another\n")
    server = make_server()
    builtin = {path.parent.name for path in Path(server.arguments[-1]).glob("*/kind.yaml")}
    server.arguments = ["--no-runner", "--catalog", str(tmp_path / "mine")]
    server.start()
    assert kinds(server) == builtin | {"Mine"}
    assert server.api("GET", "/api/v1/cloud-resource-kinds/Playground")["description"] == "of a test"


def test_a_kind_that_left_the_catalogue_is_warned_of(make_server: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "mine", "Mine", "# nothing\n")
    server = make_server("--catalog", str(tmp_path / "mine")).start()
    server.apply(playground())
    for name in ("a", "b"):
        server.apply(manifest("Mine", name))
    assert "level=warning" not in server.log.read_text()
    server.stop()
    server.arguments = server.arguments[:-2]
    server.start()
    warnings = [line for line in server.log.read_text().splitlines() if "level=warning" in line]
    assert len(warnings) == 1 and "kind Mine," in warnings[0]

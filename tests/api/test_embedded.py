"""The runner beside the server: started, adopted, replaced."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from harness.planton import Platform
from harness.processes import wait_until


@pytest.fixture
def server(make_server: Callable[..., Platform]) -> Platform:
    server = make_server()
    server.arguments.remove("--no-runner")
    server.start()
    wait_until(lambda: online(server), "a runner is online")
    return server


def online(server: Platform) -> list[str]:
    return [runner["id"] for runner in server.api("GET", "/api/v1/runners")["items"] if runner["state"] == "online"]


def pids(server: Platform) -> list[int]:
    return [process.pid for process in server.role("runner")]


def another(server: Platform, old: list[int]) -> bool:
    return len(pids(server)) == 1 and pids(server) != old


def test_it_outlives_the_server_and_is_adopted(server: Platform) -> None:
    runner, before = online(server), pids(server)
    assert len(before) == 1
    server.restart()
    wait_until(lambda: online(server) == runner, "the runner is online again")
    server.stop()
    server.start()
    wait_until(lambda: online(server) == runner, "the runner is online again")
    assert pids(server) == before


def test_it_is_started_again_when_it_ends(server: Platform) -> None:
    before = pids(server)
    server.role("runner")[0].kill()
    wait_until(lambda: another(server, before), "another runner")


def test_one_that_was_told_of_another_address_is_replaced(server: Platform) -> None:
    runner, before = online(server), pids(server)
    server.stop()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server.start("--listen", f"127.0.0.1:{port}")
    assert server.base.endswith(f":{port}")
    wait_until(lambda: another(server, before), "another runner")
    wait_until(lambda: online(server) == runner, "the same runner is online")


def test_it_gets_none_of_the_server_s_secrets(make_server: Callable[..., Platform]) -> None:
    server = make_server(PLANTON_MASTER_KEY="cd" * 32, NOTIFY_SOCKET="/nowhere")
    server.arguments.remove("--no-runner")
    server.start()
    wait_until(lambda: pids(server), "a runner")
    with open(f"/proc/{pids(server)[0]}/environ", "rb") as file:
        environment = file.read()
    assert b"cdcd" not in environment and b"NOTIFY_SOCKET" not in environment
    assert b"PLANTON_TOKEN_FILE=" in environment


def test_its_log_is_bounded(server: Platform) -> None:
    log = server.data / "runner" / "log"
    old = log.with_name("log.old")

    def grow(mark: str) -> None:
        with log.open("a") as file:
            file.write(mark + "\n" * (17 << 20))

    def is_turned(mark: str) -> bool:
        return old.exists() and mark in old.read_text() and log.exists() and log.stat().st_size < 1 << 20

    wait_until(lambda: "registered as" in log.read_text(), "the runner has said that it is registered")
    grow("while it runs")
    wait_until(lambda: is_turned("while it runs"), "the log is turned")
    assert "registered as" in old.read_text()
    before = pids(server)
    server.stop()
    grow("before it starts")
    server.role("runner")[0].kill()
    server.start()
    wait_until(lambda: another(server, before), "another runner")
    wait_until(lambda: is_turned("before it starts"), "the log is turned")
    wait_until(lambda: online(server), "it is online")
    wait_until(lambda: "registered as" in log.read_text(), "the new runner has said so")
    assert sorted(path.name for path in log.parent.glob("log*")) == ["log", "log.old"]

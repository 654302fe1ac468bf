"""Runners whose lease ended or that are abandoned: what one job's fault keeps from the others (nothing), and how far they look."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from fake_runner import FakeRunner
from harness.planton import Platform, playground
from harness.processes import wait_until


@pytest.fixture
def server(make_server: Callable[..., Platform]) -> Platform:
    return make_server("--lease", "1s").start()


@pytest.fixture
def database(server: Platform) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(server.data / "planton.db", isolation_level=None)) as connection:
        yield connection


def begun(server: Platform, runner: FakeRunner, *names: str) -> list[str]:
    jobs = [server.apply(playground(name))["stackJob"]["metadata"]["id"] for name in names]
    for grant in runner.poll()["jobs"]:
        assert runner.report(grant, [b"begun"]).status_code == 200
    return jobs


def break_job(database: sqlite3.Connection, job: str) -> None:
    database.execute(f"CREATE TRIGGER broken BEFORE UPDATE ON stack_job WHEN old.id = '{job}' BEGIN SELECT RAISE(ABORT, 'this row is stuck'); END")


def status(server: Platform, job: str) -> dict[str, Any]:
    document: dict[str, Any] = server.job(job)["status"]
    return document


def is_free(server: Platform, job: str) -> bool:
    return status(server, job)["runnerId"] is None


def reason(server: Platform, job: str) -> str:
    return str((status(server, job)["blockedBy"] or {}).get("reason"))


def test_one_broken_job_keeps_no_other_from_being_recovered(server: Platform, database: sqlite3.Connection) -> None:
    runner = FakeRunner(server)
    first, broken, last = begun(server, runner, "first", "broken", "last")
    break_job(database, broken)
    wait_until(lambda: is_free(server, first) and is_free(server, last), "the others are free")
    wait_until(lambda: "this row is stuck" in reason(server, broken), "its reason shows")
    assert not is_free(server, broken)
    database.execute("DROP TRIGGER broken")
    wait_until(lambda: is_free(server, broken), "it is free, too")
    assert "stuck" not in reason(server, broken)


def test_abandoning_does_what_it_can(server: Platform, database: sqlite3.Connection) -> None:
    runner = FakeRunner(server)
    broken, other = begun(server, runner, "broken", "other")
    break_job(database, broken)
    identity = server.api("GET", "/api/v1/runners")["items"][0]["id"]
    server.api("POST", f"/api/v1/runners/{identity}/abandon", {"reason": "it burned", "confirm": True})
    assert is_free(server, other)
    assert "this row is stuck" in reason(server, broken)
    database.execute("DROP TRIGGER broken")
    wait_until(lambda: is_free(server, broken), "it is free, too")


def test_a_broken_job_keeps_no_poll_from_its_answer(server: Platform, database: sqlite3.Connection) -> None:
    runner = FakeRunner(server)
    broken, = begun(server, runner, "broken")
    break_job(database, broken)
    runner.held = []
    other = server.apply(playground("other"))["stackJob"]["metadata"]["id"]
    assert [grant["job"]["id"] for grant in runner.poll()["jobs"]] == [other]
    assert "this row is stuck" in reason(server, broken)


def test_abandoning_looks_at_every_job_of_the_runner(server: Platform, database: sqlite3.Connection) -> None:
    runner = FakeRunner(server)
    job = server.apply(playground("held"))["stackJob"]["metadata"]["id"]
    grant = runner.poll()["jobs"][0]
    while grant["attempt"]["operation"] != "apply":
        facts = {"command": grant["attempt"]["operation"], "hasChanges": True, "planDigest": "ab" * 32, "changes": {"create": 1}}
        ended = {"time": 1, "result": "succeeded", "exitCode": 0, "signal": 0, "errors": [], "operationEnds": True, "facts": facts}
        grant = runner.report(grant, ended=ended).json()["next"]["grant"]
    assert runner.report(grant, [b"begun"]).status_code == 200
    wait_until(lambda: status(server, job)["status"] == "completed", "it is lost")
    names = [row[1] for row in database.execute("PRAGMA table_info(stack_job)")]
    values = [{"id": "'sj_' || printf('%026d', value)", "number": "value + 1000", "error_code": "'operation_failed'"}.get(name, name) for name in names]
    database.execute(
        f"INSERT INTO stack_job ({', '.join(names)}) SELECT {', '.join(values)} FROM stack_job, "
        f"(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1001) SELECT value FROM n) WHERE stack_job.id = ?", (job,))
    identity = status(server, job)["runnerId"]
    refused = server.request("POST", f"/api/v1/runners/{identity}/abandon", {"reason": "it burned", "confirm": False})
    assert refused.status_code == 409 and job in refused.text
    waiting = server.create_job("held", "update")["metadata"]["id"]
    assert "planton runner abandon" in reason(server, waiting)
    server.api("POST", f"/api/v1/runners/{identity}/abandon", {"reason": "it burned", "confirm": True})
    assert "planton runner abandon" not in reason(server, waiting)

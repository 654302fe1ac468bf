"""Resources that are gone: what is kept of them is read by their ids, and nothing is done to them any more; and what has nothing to destroy goes without a job."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
import requests
from fake_runner import FakeRunner
from harness.planton import Platform, playground

STATE = {"version": 4, "serial": 1, "lineage": "l", "resources": [
    {"mode": "managed", "type": "local_file", "name": "it", "provider": "p", "instances": [{"attributes": {"id": "1"}}]}]}


def write_state(server: Platform, grant: dict[str, Any]) -> None:
    """As its engine would; its credential is sealed to the runner, so it gets a known one."""
    job, epoch, token = grant["job"], grant["epoch"], "known"
    with closing(sqlite3.connect(server.data / "planton.db", isolation_level=None)) as database:
        hashed = hashlib.blake2b(token.encode(), digest_size=32).hexdigest()
        database.execute("UPDATE job_attempt SET state_token_hash = ? WHERE job_id = ?", (hashed, job["id"]))
    answer = requests.post(f"{server.base}/state/v1/{job['stateId']}", data=json.dumps(STATE), auth=(f"{job['id']}.{epoch}", token), timeout=30)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def abandoned(server: Platform) -> str:
    runner = FakeRunner(server)
    identity = str(server.apply(playground())["resource"]["metadata"]["id"])
    grant = runner.poll()["jobs"][0]
    write_state(server, grant)
    runner.finish(grant)
    refused = server.cli("delete", "Playground/play", "--yes", check=None)
    assert refused.code and "still holds 1 resources" in refused.err
    server.cli("delete", "Playground/play", "--abandon", "--reason", "moved", "--yes")
    return identity


def test_what_is_kept_is_read_by_its_id(server: Platform, abandoned: str) -> None:
    assert json.loads(server.cli("state", "pull", abandoned).out) == STATE
    assert "local_file.it" in server.cli("state", "show", abandoned).out
    version = json.loads(server.cli("state", "list", abandoned, "-o", "json").out)["items"][0]["id"]
    assert json.loads(server.cli("state", "pull", abandoned, "--version", version).out) == STATE
    assert "not locked" in server.cli("state", "lock", abandoned).err
    versions = json.loads(server.cli("cr", "versions", abandoned, "-o", "json").out)["items"]
    assert [(v["event"], v["message"]) for v in versions] == [("deleted", "moved"), ("created", None)]
    assert versions[0]["manifest"]["kind"] == "Playground" and versions[0]["manifest"]["metadata"]["id"] == abandoned
    assert len(server.api("GET", f"/api/v1/stack-jobs?cloudResource={abandoned}")["items"]) == 1


def test_nothing_else_is_done_to_it(server: Platform, abandoned: str) -> None:
    version = server.api("GET", f"/api/v1/cloud-resources/{abandoned}/state-versions")["items"][0]["id"]
    for command in (["get", abandoned], ["output", abandoned], ["cr", "purge", abandoned, "--yes"], ["delete", abandoned, "--yes"],
                    ["state", "rollback", abandoned, "--version", version, "--reason", "why not", "--yes"],
                    ["sj", "create-stack-job", abandoned]):
        refused = server.cli(*command, check=6)
        assert f"Playground play ({abandoned}) was deleted at 20" in refused.err, refused.err
        assert f"planton state list {abandoned}" in refused.err
    assert len(server.api("GET", f"/api/v1/cloud-resources/{abandoned}/state-versions")["items"]) == 1


def test_the_command_line_says_where_it_is(server: Platform) -> None:
    identity = server.apply(playground(), operation="none")["resource"]["metadata"]["id"]
    done = server.cli("delete", "Playground/play", "--abandon", "--reason", "moved", "--yes")
    assert f"planton state list {identity}" in done.err


def test_its_name_is_free(server: Platform, abandoned: str) -> None:
    server.apply(playground(message="another"))
    assert server.cli("state", "pull", "Playground/play", check=6).err
    assert json.loads(server.cli("state", "pull", abandoned).out) == STATE


def test_an_id_that_never_was(server: Platform, abandoned: str) -> None:
    never = abandoned[:-1] + ("0" if abandoned[-1] != "0" else "1")
    for path in (f"cloud-resources/{never}/state-versions", f"cloud-resources/{never}/versions", f"stack-jobs?cloudResource={never}"):
        answer = server.request("GET", f"/api/v1/{path}")
        assert answer.status_code == 404 and f"there is no cloud resource {never}" in answer.text


def test_a_connection_keeps_its_versions(server: Platform) -> None:
    fields = {"host": "db", "port": "5432", "user": "admin", "password": "the-s3cret"}
    made = server.apply({"apiVersion": "planton.dev/v1", "kind": "Connection", "metadata": {"name": "pg", "org": "default"}, "spec": {"provider": "postgresql", "fields": fields}})
    identity = made["resource"]["metadata"]["id"]
    server.api("DELETE", f"/api/v1/connections/{identity}")
    answer = server.request("GET", f"/api/v1/connections/{identity}/versions")
    assert [v["event"] for v in answer.json()["items"]] == ["deleted", "created"]
    assert "the-s3cret" not in answer.text
    assert "was deleted at" in server.request("GET", f"/api/v1/connections/{identity}").text


def unconnected() -> dict[str, Any]:
    return {"apiVersion": "postgresql.planton.dev/v1", "kind": "PostgresDatabase", "metadata": {"name": "orders", "org": "default", "env": "dev"}, "spec": {"databaseName": "orders"}}


def test_what_was_never_made_is_purged_without_a_job(server: Platform) -> None:
    runner = FakeRunner(server)
    made = server.apply(unconnected())
    assert runner.poll()["jobs"] == []
    server.wait_job(made["stackJob"]["metadata"]["id"])
    done = server.cli("cr", "purge", "PostgresDatabase/orders", "--yes")
    assert "had no infrastructure and is deleted" in done.err
    identity = made["resource"]["metadata"]["id"]
    assert [v["event"] for v in server.api("GET", f"/api/v1/cloud-resources/{identity}/versions")["items"]] == ["deleted", "created"]
    assert len(server.api("GET", f"/api/v1/stack-jobs?cloudResource={identity}")["items"]) == 1


def test_a_destroy_of_nothing_names_the_way(server: Platform) -> None:
    runner = FakeRunner(server)
    made = server.apply(unconnected(), operation="none")
    identity = made["resource"]["metadata"]["id"]
    jobs = [server.create_job(identity, operation)["metadata"]["id"] for operation in ("destroy", "update")]
    runner.poll()
    destroy, update = (server.wait_job(job)["status"]["error"]["message"] for job in jobs)
    assert re.search(rf"no connection for postgresql.*planton delete {identity}", destroy, re.DOTALL)
    assert "planton delete" not in update

"""A server away for 30 s across a state write, and a runner replaced by another version in mid-apply: as if nothing had been."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.kinds import manifest
from harness.logs import compare_log
from harness.planton import BINARY, Platform
from harness.postgres import Postgres
from harness.processes import wait_until
from harness.recorder import Recorder

from .common import slow_kind, steady_state, story, waiting

AWAY_SECONDS = 30


def prepared(make_platform: Callable[..., Platform], recorder: Recorder, postgres: Postgres, folder: Path) -> Platform:
    """A platform that has run such a job before: later inits are taken from its cache, in both runs that are compared."""
    platform = make_platform(catalogs=(slow_kind(folder / "kinds"),), **recorder.environment).start()
    platform.apply(postgres.connection())
    job = platform.api("POST", "/api/v1/stack-jobs", {"manifest": manifest("SlowDatabases", "warm", prefix="warm", seconds=0), "operation": "preview"})
    platform.succeed(job["metadata"]["id"])
    return platform


def databases(postgres: Postgres, prefix: str) -> list[list[str]]:
    rows = postgres.query(f"SELECT datname, rolname, datconnlimit FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE datname LIKE '{prefix}%' ORDER BY 1")
    return [[c.replace(prefix, "PREFIX") for c in row] for row in rows]


def run(platform: Platform, recorder: Recorder, postgres: Postgres, prefix: str, seconds: int, during: Callable[[], None]) -> dict[str, Any]:
    """One job with whatever happens during its apply, and everything that came of it."""
    answer = platform.apply(manifest("SlowDatabases", prefix.replace("_", "-"), prefix=prefix, seconds=seconds))
    job, resource = answer["stackJob"]["metadata"]["id"], answer["resource"]["metadata"]["id"]
    launch = waiting(recorder, job)
    during()
    document = platform.wait_job(job, timeout=180)
    assert document["status"]["result"] == "succeeded", platform.explain(job)
    assert recorder.problems == []
    assert [a.pid for a in recorder.of_job(job) if a.command == "apply"] == [launch.pid], "one apply, never again"
    assert compare_log(platform.events(job), [a for a in recorder.of_job(job) if a.is_attempt]) == []
    return {
        "state": steady_state(platform, resource, prefix),
        "events": story(platform, job, prefix),
        "psql": databases(postgres, prefix),
        "operations": [(o["operation"], o["status"], o["result"], o.get("summary")) for o in document["status"]["operations"]],
        "versions": len(platform.api("GET", f"/api/v1/cloud-resources/{resource}/state-versions")["items"]),
    }


def test_server_away_across_a_state_write(make_platform: Callable[..., Platform], recorder: Recorder, postgres: Postgres, tmp_path: Path) -> None:
    platform = prepared(make_platform, recorder, postgres, tmp_path)
    undisturbed = run(platform, recorder, postgres, "calm_a", 4, lambda: None)

    def away() -> None:
        platform.kill_server()
        gone = time.monotonic()
        launch = recorder.alive()[-1]
        # Everything is made, and only the state is still to be written.
        wait_until(lambda: b"postgresql_database.late: Creation complete" in launch.output(), "all made", 60)
        time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - gone)))
        assert launch.ended is None, "the engine waits for its state to be taken"
        platform.start()

    same(run(platform, recorder, postgres, "away_a", 4, away), undisturbed)


def same(disturbed: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    here, there = disturbed.pop("events"), undisturbed.pop("events")
    assert [e for e in here if e not in there] == [] and [e for e in there if e not in here] == []
    assert len(here) == len(there)
    assert disturbed == undisturbed


def other_version(binary: Path, to: Path) -> Path:
    """The same program that says it is another version."""
    data = binary.read_bytes()
    assert b"0.1.0" in data
    to.write_bytes(data.replace(b"0.1.0", b"0.1.9"))
    to.chmod(0o755)
    return to


def test_runner_replaced_by_another_version_in_mid_apply(make_platform: Callable[..., Platform], recorder: Recorder, postgres: Postgres, tmp_path: Path) -> None:
    platform = prepared(make_platform, recorder, postgres, tmp_path)
    undisturbed = run(platform, recorder, postgres, "calm_b", 6, lambda: None)
    assert {r["version"] for r in platform.api("GET", "/api/v1/runners")["items"]} == {"0.1.0"}

    def upgrade() -> None:
        before = {p.pid for p in platform.role("runner")}
        assert before
        platform.stop()
        platform.binary = other_version(BINARY, tmp_path / BINARY.name)
        platform.start()
        assert platform.api("GET", "/api/v1/version")["version"] == "0.1.9"
        wait_until(lambda: any(p.pid not in before for p in platform.role("runner")), "the runner of the new version", 60)
        assert recorder.alive(), "the engine is still at work"

    same(run(platform, recorder, postgres, "grade_b", 6, upgrade), undisturbed)
    wait_until(lambda: {r["version"] for r in platform.api("GET", "/api/v1/runners")["items"]} == {"0.1.9"}, "the runner says its version")

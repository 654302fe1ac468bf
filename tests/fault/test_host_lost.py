"""The runner's host folder is deleted in mid-apply: nothing that exists is forgotten, and the resource finds its way back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from harness.kinds import manifest
from harness.planton import Platform
from harness.postgres import Postgres
from harness.processes import wait_until
from harness.recorder import Recorder

from .common import slow_kind, waiting
from .matrix import kill


def runner_folders(platform: Platform) -> list[Path]:
    return [platform.data / "runner", platform.data / "work"]


def stop_host(platform: Platform) -> None:
    """Power off: everything of the runner's dies at once, and its disk is gone."""
    while left := [p for p in platform.processes() if p.alive]:
        for process in left:
            kill(process.pid)
    for folder in runner_folders(platform):
        shutil.rmtree(folder, ignore_errors=True)


def test_host_dies_with_its_disk_in_mid_apply(make_platform: Callable[..., Platform], recorder: Recorder, postgres: Postgres, tmp_path: Path) -> None:
    platform = make_platform("--lease", "5s", catalogs=(slow_kind(tmp_path / "kinds"),), **recorder.environment).start()
    platform.apply(postgres.connection())
    document = manifest("SlowDatabases", "lost", prefix="lost", seconds=120)
    answer = platform.apply(document)
    job, resource = answer["stackJob"]["metadata"]["id"], answer["resource"]["metadata"]["id"]
    waiting(recorder, job)
    wait_until(lambda: any(e["type"] == "resource" and e["payload"]["address"] == "postgresql_database.early" and e["payload"]["phase"] == "done" for e in platform.events(job)),
               "the first database is reported")
    # The server must not notice at once that its runner is gone: the host with all of it goes down.
    platform.kill_server()
    stop_host(platform)
    wait_until(lambda: not recorder.alive(), "the engine and its plugins ended")
    platform.start()

    ended = platform.wait_job(job, timeout=60)["status"]
    assert ended["result"] == "failed" and ended["error"]["code"] == "runner_lost", ended
    assert postgres.query("SELECT datname FROM pg_database WHERE datname LIKE 'lost%' ORDER BY 1") == [["lost_early"]]

    # Held: whatever is asked for says what it waits for.
    refresh = platform.create_job(resource, "refresh")["metadata"]["id"]
    held = wait_until(lambda: platform.job(refresh)["status"].get("blockedBy"), "the next job says what blocks it")
    assert isinstance(held, dict) and held["reason"], held
    runners = [r for r in platform.api("GET", "/api/v1/runners")["items"] if r["id"] == ended["runnerId"]]
    assert len(runners) == 1

    # An admin gives the lost runner up; first he is told what is at stake.
    refused = platform.request("POST", f"/api/v1/runners/{ended['runnerId']}/abandon", {"reason": "its host burnt down"})
    assert refused.status_code == 409 and "lost" in refused.text, refused.text
    platform.api("POST", f"/api/v1/runners/{ended['runnerId']}/abandon", {"reason": "its host burnt down", "confirm": True})

    listed = {a["address"]: a for a in platform.job(job)["status"]["adoptions"]}
    state = {f"{r['type']}.{r['name']}" for r in platform.state(resource).get("resources", [])} if has_state(platform, resource) else set()
    for address in ("postgresql_database.early", "postgresql_role.owner"):
        assert address in state or address in listed, (address, listed)
    assert "terraform_data.wait" in listed, "begun, and never reported complete"
    if "postgresql_database.early" in listed:
        assert "import" in str(listed["postgresql_database.early"]), listed

    # The way back: what is listed is removed (or imported) by its owner, the refresh runs, then the update.
    postgres.query("DROP DATABASE lost_early")
    postgres.query("DROP ROLE lost_owner")
    platform.succeed(refresh)
    platform.succeed(platform.apply(manifest("SlowDatabases", "lost", prefix="lost", seconds=0, limit=7))["stackJob"]["metadata"]["id"])
    assert postgres.query("SELECT datname, datconnlimit FROM pg_database WHERE datname LIKE 'lost%' ORDER BY 1") == [["lost_early", "7"], ["lost_late", "7"]]
    assert recorder.problems == []


def has_state(platform: Platform, resource: str) -> bool:
    return platform.request("GET", f"/api/v1/cloud-resources/{resource}/state-versions/current").status_code == 200


def test_folder_deleted_under_a_living_runner(make_platform: Callable[..., Platform], recorder: Recorder, postgres: Postgres, tmp_path: Path) -> None:
    platform = make_platform("--lease", "5s", catalogs=(slow_kind(tmp_path / "kinds"),), **recorder.environment).start()
    platform.apply(postgres.connection())
    answer = platform.apply(manifest("SlowDatabases", "swept", prefix="swept", seconds=5))
    job, resource = answer["stackJob"]["metadata"]["id"], answer["resource"]["metadata"]["id"]
    waiting(recorder, job)
    for folder in runner_folders(platform):
        shutil.rmtree(folder, ignore_errors=True)
    ended = platform.wait_job(job, timeout=120)["status"]
    assert ended["result"] == "succeeded" or ended["error"], ended
    wait_until(lambda: not recorder.alive(), "no engine is left", 60)
    existing = {r[0] for r in postgres.query("SELECT datname FROM pg_database WHERE datname LIKE 'swept%'")}
    listed = {a["address"] for a in ended.get("adoptions") or []}
    state = {f"{r['type']}.{r['name']}" for r in platform.state(resource)["resources"]} if has_state(platform, resource) else set()
    for name in existing:
        address = f"postgresql_database.{name.split('_')[1]}"
        assert address in state | listed, (address, state, listed)
    assert recorder.problems == []

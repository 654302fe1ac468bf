"""What the command line says of a change that did not come to be: applied again, previewed, cancelled too late."""

from __future__ import annotations

from pathlib import Path

import yaml
from harness.planton import Platform, job_id, playground
from harness.processes import wait_until

SCOPE = ("--org", "default", "--env", "dev")


def write(tmp_path: Path, **spec: object) -> str:
    path = tmp_path / "play.yaml"
    path.write_text(yaml.safe_dump(playground(**spec)))
    return str(path)


def result_column(platform: Platform) -> str:
    title, row = platform.cli("list", *SCOPE).out.splitlines()
    return row.split()[title.split().index("RESULT")]


def test_a_retry_of_a_red_run_is_red(platform: Platform, tmp_path: Path) -> None:
    manifest = write(tmp_path, failAt="apply")
    assert "created" in platform.cli("apply", "-f", manifest, "--tail", check=None).out
    again = platform.cli("apply", "-f", manifest, "--tail", check=None)
    assert again.code != 0
    assert "Playground/play unchanged; its last update failed: updating again  sj_" in again.out
    assert platform.wait_job(job_id(again.out))["status"]["result"] == "failed"
    assert result_column(platform) == "failed"

    platform.cli("preview", "-f", write(tmp_path, message="never saved"))
    assert result_column(platform) == "failed"
    saved = platform.api("GET", "/api/v1/cloud-resources/Playground%2Fplay/versions")["items"]
    assert len(saved) == 1


def test_what_was_destroyed_says_so_and_comes_back(platform: Platform, tmp_path: Path) -> None:
    manifest = write(tmp_path)
    platform.cli("apply", "-f", manifest, "--tail")
    assert platform.cli("apply", "-f", manifest, "--tail").out == "Playground/play unchanged\n"
    platform.cli("cloud-resource", "destroy", "Playground/play", *SCOPE, "--yes", "--tail")
    assert result_column(platform) == "destroyed"
    saved = platform.cli("apply", "-f", manifest, "--operation", "none").out
    assert saved == "Playground/play unchanged\n"
    assert "unchanged; it was destroyed: updating again" in platform.cli("apply", "-f", manifest, "--tail").out
    assert result_column(platform) == "succeeded"
    assert platform.state("Playground%2Fplay")["resources"]


def test_a_cancel_that_comes_too_late_says_so_and_is_kept(platform: Platform) -> None:
    job = platform.apply(playground(sleepSeconds=600))["stackJob"]["metadata"]["id"]
    wait_until(lambda: any(e["type"] == "resource" and e["payload"]["phase"] == "started" for e in platform.events(job) if e["operation"] == "apply"), "apply begun")
    said = platform.cli("stack-job", "cancel", job, "--reason", "wrong size").out
    assert said == f"{job} is in its last operation: it ends as that does; --force interrupts the engine\n"
    kept = platform.job(job)["status"]
    assert kept["status"] == "running"
    assert (kept["cancel"]["reason"], kept["cancel"]["effect"]) == ("wrong size", "none")
    shown = platform.cli("stack-job", "get", job).out
    assert f"by {kept['cancel']['actor']} at {kept['cancel']['time']}, in the last operation: wrong size" in shown

    said = platform.cli("stack-job", "cancel", job, "--force").out
    assert "engine, which is being interrupted" in said
    ended = platform.wait_job(job, timeout=60)["status"]
    assert (ended["result"], ended["cancel"]["effect"], ended["cancel"]["reason"]) == ("cancelled", "interrupts", "wrong size")

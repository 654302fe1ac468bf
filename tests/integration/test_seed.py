"""The founding document, sentence by sentence: each test is named after the sentence that it holds to."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from harness.kinds import manifest, write_kind
from harness.planton import BINARY, Platform, job_id, operations, playground
from harness.processes import wait_until

LOCAL_FILE = """
variable "path" { type = string }
variable "content" { type = string }
resource "local_file" "it" {
  filename = var.path
  content  = var.content
}
"""


def test_S1_create_update_and_destroy_make_one_job_each(platform: Platform) -> None:
    created = platform.apply(playground())
    platform.succeed(created["stackJob"]["metadata"]["id"])
    updated = platform.apply(playground(message="other"))
    platform.succeed(updated["stackJob"]["metadata"]["id"])
    unchanged = platform.apply(playground(message="other"))
    assert (unchanged["outcome"], unchanged["stackJob"]) == ("unchanged", None)
    platform.cli("cloud-resource", "destroy", "Playground/play", "--org", "default", "--env", "dev", "--yes", "--tail")
    jobs = platform.api("GET", "/api/v1/stack-jobs?cloudResource=Playground/play&org=default&env=dev")["items"]
    assert [j["spec"]["operation"] for j in jobs] == ["destroy", "update", "update"]


def test_S2_steps_have_status_and_times_and_logs_survive_restarts(platform: Platform) -> None:
    job = platform.apply(playground())["stackJob"]["metadata"]["id"]
    document = platform.succeed(job)
    for step in document["status"]["operations"]:
        assert step["status"] == "completed"
        assert step["startedAt"] <= step["endedAt"]
    before = platform.events(job)
    log = platform.request("GET", f"/api/v1/stack-jobs/{job}/operations/apply/log").content
    assert b"terraform_data" in log
    platform.restart()
    assert platform.events(job) == before
    assert platform.request("GET", f"/api/v1/stack-jobs/{job}/operations/apply/log").content == log
    assert [e["seq"] for e in before] == list(range(1, len(before) + 1))


def test_S3_succeeded_and_failed_jobs_keep_logs_and_diffs(platform: Platform) -> None:
    for name, fail, result in (("fine", "none", "succeeded"), ("broken", "apply", "failed")):
        job = platform.apply(playground(name, failAt=fail))["stackJob"]["metadata"]["id"]
        assert platform.wait_job(job)["status"]["result"] == result
        events = platform.events(job)
        assert any(e["type"] == "diff" for e in events), platform.explain(job)
        assert any(e["type"] == "log" and e["operation"] == "apply" for e in events)
    assert any(e["type"] == "diagnostic" and e["payload"]["severity"] == "error" for e in events)


def test_S4_update_is_init_refresh_preview_apply(platform: Platform) -> None:
    job = platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])
    assert operations(job) == [(o, "succeeded") for o in ("init", "refresh", "preview", "apply")]
    order = [(e["operation"], e["payload"]["status"]) for e in platform.events(job["metadata"]["id"]) if e["type"] == "operation_status"]
    assert [o for o, s in order if s == "completed"] == ["init", "refresh", "preview", "apply"]


def test_S5_destroy_is_init_refresh_preview_destroy(platform: Platform) -> None:
    platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])
    job = platform.succeed(platform.create_job("Playground/play", "destroy", org="default", env="dev")["metadata"]["id"])
    assert operations(job) == [(o, "succeeded") for o in ("init", "refresh", "preview", "destroy")]


def test_S6_init_fetches_module_installs_providers_configures_backend(platform: Platform) -> None:
    document = {
        "apiVersion": "random.planton.dev/v1", "kind": "RandomPassword",
        "metadata": {"name": "pw", "org": "default", "env": "dev"}, "spec": {"length": 20}}
    job = platform.succeed(platform.apply(document)["stackJob"]["metadata"]["id"])
    text = json.dumps(job["status"])
    assert "hashicorp/random" in text and "3.9.0" in text, text
    log = platform.request("GET", f"/api/v1/stack-jobs/{job['metadata']['id']}/operations/init/log").text
    assert "hashicorp/random" in log and 'backend "http"' in log, log
    assert platform.state("RandomPassword/pw?".rstrip("?").replace("/", "%2F"))["version"] == 4


def drift_diffs(platform: Platform, job: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """What a refresh found changed outside: (address, content before, content now)."""
    diffs = [e for e in platform.events(job["metadata"]["id"]) if e["type"] == "diff" and e["payload"].get("drift")]
    assert {e["operation"] for e in diffs} <= {"refresh"}
    return [(e["payload"]["address"], (e["payload"]["before"] or {}).get("content"), (e["payload"]["after"] or {}).get("content")) for e in diffs]


def test_S7_drift_is_detected_reported_and_written_to_the_state(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "File", LOCAL_FILE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    target = tmp_path / "target"
    platform.environment["UNUSED"] = "1"
    document = manifest("File", "f", path=str(target), content="as declared")
    platform.succeed(platform.apply(document)["stackJob"]["metadata"]["id"])
    before = platform.state("File%2Ff")
    target.unlink()
    refresh = platform.succeed(platform.create_job("File/f", "refresh", org="default", env="dev")["metadata"]["id"])
    events = platform.events(refresh["metadata"]["id"])
    drifted = [e for e in events if e["type"] == "resource" and e["payload"]["phase"] == "drift"]
    assert [e["payload"]["address"] for e in drifted] == ["local_file.it"], platform.explain(refresh["metadata"]["id"])
    assert drift_diffs(platform, refresh) == [("local_file.it", "as declared", None)]
    after = platform.state("File%2Ff")
    assert after["serial"] > before["serial"] and after["lineage"] == before["lineage"]
    assert [r["type"] for r in before["resources"]] == ["local_file"] and after["resources"] == []
    # an update after outside change: drift recorded, state synchronised, then made right again
    platform.succeed(platform.create_job("File/f", "update", org="default", env="dev")["metadata"]["id"])
    assert target.read_text() == "as declared"
    target.unlink()
    serial = platform.state("File%2Ff")["serial"]
    update = platform.succeed(platform.create_job("File/f", "update", org="default", env="dev")["metadata"]["id"])
    assert target.read_text() == "as declared"
    assert drift_diffs(platform, update) == [("local_file.it", "as declared", None)]
    steps = {o["operation"]: o for o in update["status"]["operations"]}
    assert len(steps["refresh"]["attempts"]) > 1, steps["refresh"]
    versions = platform.api("GET", "/api/v1/cloud-resources/File%2Ff/state-versions")["items"]
    assert [v["resourceCount"] for v in versions if v["serial"] > serial] == [1, 0]


def test_S8_preview_lists_changes_before_anything_changes(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "File", LOCAL_FILE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    target = tmp_path / "target"
    created = platform.apply(manifest("File", "f", path=str(target), content="x"), operation="none")
    assert created["stackJob"] is None
    job = platform.succeed(platform.create_job("File/f", "preview", org="default", env="dev")["metadata"]["id"])
    assert operations(job) == [(o, "succeeded") for o in ("init", "refresh", "preview")]
    planned = [e["payload"] for e in platform.events(job["metadata"]["id"]) if e["type"] == "resource" and e["payload"]["phase"] == "planned"]
    assert [(p["address"], p["action"]) for p in planned] == [("local_file.it", "create")]
    assert job["status"]["summary"]["create"] == 1
    assert not target.exists()


def test_S9_apply_creates_then_modifies(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "File", LOCAL_FILE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    target = tmp_path / "target"
    for content in ("one", "two"):
        platform.succeed(platform.apply(manifest("File", "f", path=str(target), content=content))["stackJob"]["metadata"]["id"])
        assert target.read_text() == content


def test_S10_destroy_previews_then_removes(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "File", LOCAL_FILE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    target = tmp_path / "target"
    platform.succeed(platform.apply(manifest("File", "f", path=str(target), content="x"))["stackJob"]["metadata"]["id"])
    job = platform.succeed(platform.create_job("File/f", "destroy", org="default", env="dev")["metadata"]["id"])
    planned = [e["payload"] for e in platform.events(job["metadata"]["id"]) if e["type"] == "resource" and e["payload"]["phase"] == "planned"]
    assert [(p["address"], p["action"]) for p in planned] == [("local_file.it", "delete")]
    assert not target.exists()
    assert platform.api("GET", "/api/v1/cloud-resources/File%2Ff")["metadata"]["slug"] == "f"
    platform.cli("delete", "File/f", "--yes")
    assert platform.request("GET", "/api/v1/cloud-resources/File%2Ff").status_code == 404


def test_S17_each_resource_has_its_own_state(platform: Platform) -> None:
    jobs = [platform.apply(playground(f"p{i}", message=f"m{i}"))["stackJob"]["metadata"]["id"] for i in range(6)]
    for job in jobs:
        platform.succeed(job)
    states = [platform.state(f"Playground%2Fp{i}") for i in range(6)]
    assert len({s["lineage"] for s in states}) == 6
    assert [s["outputs"]["message"]["value"] for s in states] == [f"m{i}" for i in range(6)]


def test_S22_direct_one_resource_one_job_one_execution(platform: Platform) -> None:
    job = platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])
    attempts = {o["operation"]: len(o["attempts"]) for o in job["status"]["operations"]}
    assert attempts["init"] == attempts["apply"] == 1
    assert len(platform.api("GET", "/api/v1/stack-jobs")["items"]) == 1


def test_S28_progress_events_stream_live(platform: Platform) -> None:
    job = platform.apply(playground(sleepSeconds=3))["stackJob"]["metadata"]["id"]
    with subprocess.Popen([str(BINARY), "stack-job", "stream-progress-events", job, "-o", "jsonl"], env=platform.env(), stdout=subprocess.PIPE, text=True) as stream:
        assert stream.stdout
        seen = []
        live = False
        for line in stream.stdout:
            event = json.loads(line)
            seen.append(event)
            if event["type"] == "resource" and event["payload"]["phase"] == "started" and event["operation"] == "apply":
                live = platform.job(job)["status"]["status"] == "running"
        assert stream.wait() == 0
    assert live
    assert [e["seq"] for e in seen] == list(range(1, len(seen) + 1))
    assert {e["type"] for e in seen} >= {"job_status", "operation_status", "log", "resource"}
    assert seen == platform.events(job)


def test_S30_cancel_lets_the_operation_finish_skips_the_rest_frees_the_lock(platform: Platform) -> None:
    platform.succeed(platform.apply(playground(message="first"))["stackJob"]["metadata"]["id"])
    # A plan that takes a while: an external wait is not to be had in a plan, so the job before it holds the queue and the cancel
    # comes while the next one is at its first operation.
    job = platform.apply(playground(message="second", sleepSeconds=4))["stackJob"]["metadata"]["id"]
    wait_until(lambda: platform.job(job)["status"]["status"] == "running", "running")
    platform.cli("stack-job", "cancel", job, "--reason", "changed my mind")
    document = platform.wait_job(job)
    results = dict(operations(document))
    if document["status"]["result"] == "cancelled":
        assert "skipped" in results.values() and "failed" not in results.values()
        assert document["status"]["cancel"]["reason"] == "changed my mind"
    else:
        # it was in its last operation already: then the cancel changes nothing
        assert results["apply"] == "succeeded"
    assert platform.api("GET", "/api/v1/cloud-resources/Playground%2Fplay/state-lock")["held"] is False
    platform.succeed(platform.apply(playground(message="third"))["stackJob"]["metadata"]["id"])


def test_S30_cancel_of_a_queued_job_is_immediate(platform: Platform) -> None:
    first = platform.apply(playground(sleepSeconds=3))["stackJob"]["metadata"]["id"]
    second = platform.create_job("Playground/play", "update", org="default", env="dev")["metadata"]["id"]
    assert platform.job(second)["status"]["blockedBy"]["jobId"] == first
    document = platform.api("POST", f"/api/v1/stack-jobs/{second}/cancel", {})
    assert (document["status"]["status"], document["status"]["result"]) == ("completed", "cancelled")
    assert platform.succeed(first)


def test_S30_forced_cancel_interrupts_the_engine(platform: Platform) -> None:
    job = platform.apply(playground(sleepSeconds=600))["stackJob"]["metadata"]["id"]
    wait_until(lambda: any(e["type"] == "resource" and e["payload"]["phase"] == "started" for e in platform.events(job) if e["operation"] == "apply"), "apply begun")
    platform.cli("stack-job", "cancel", job, "--force", "--reason", "stuck")
    document = platform.wait_job(job, timeout=60)
    assert document["status"]["result"] == "cancelled", platform.explain(job)
    assert not platform.role("engine")


def test_S31_rerun_repeats_the_operation(platform: Platform) -> None:
    failed = platform.apply(playground(failAt="apply"))["stackJob"]["metadata"]["id"]
    assert platform.wait_job(failed)["status"]["result"] == "failed"
    again = job_id(platform.cli("stack-job", "rerun", failed).out)
    document = platform.wait_job(again)
    assert document["spec"]["rerunOf"] == failed
    assert document["spec"]["operation"] == "update"
    fixed = platform.succeed(platform.apply(playground(failAt="none"))["stackJob"]["metadata"]["id"])
    refused = platform.cli("stack-job", "rerun", failed, check=None)
    assert refused.code != 0 and "--allow-older-version" in refused.err
    assert platform.cli("stack-job", "rerun", fixed["metadata"]["id"], "--tail").code == 0


def test_S33_create_stack_job_with_its_operations(platform: Platform) -> None:
    resource = platform.apply(playground(), operation="none")["resource"]["metadata"]["id"]
    assert "Playground/play" in platform.cli("stack-job", "create-stack-job", resource, "--operation", "update", "--tail").out
    for operation in ("refresh", "preview", "destroy"):
        job = platform.job(job_id(platform.cli("sj", "create-stack-job", resource, "--operation", operation).out))
        assert job["spec"]["operation"] == operation
        platform.succeed(job["metadata"]["id"])
    default = platform.job(job_id(platform.cli("sj", "create-stack-job", resource).out))
    assert default["spec"]["operation"] == "preview"
    count = len(platform.api("GET", "/api/v1/stack-jobs")["items"])
    wrong = platform.cli("sj", "create-stack-job", resource, "--operation", "upgrade", check=2)
    assert "refresh" in wrong.err and "destroy" in wrong.err
    assert len(platform.api("GET", "/api/v1/stack-jobs")["items"]) == count


def test_S34_list_jobs_of_a_resource(platform: Platform) -> None:
    one = platform.apply(playground("one"))
    other = platform.apply(playground("other"))
    out = platform.cli("stack-job", "list", one["resource"]["metadata"]["id"]).out
    assert one["stackJob"]["metadata"]["id"] in out and other["stackJob"]["metadata"]["id"] not in out
    for job in (one, other):
        platform.succeed(job["stackJob"]["metadata"]["id"])
    everything = platform.cli("sj", "list", "--status", "completed", "--result", "succeeded").out
    assert one["stackJob"]["metadata"]["id"] in everything and other["stackJob"]["metadata"]["id"] in everything
    assert other["stackJob"]["metadata"]["id"] not in platform.cli("sj", "list", "--result", "failed").out


def test_S35_logs_is_an_alias(platform: Platform) -> None:
    job = platform.apply(playground())["stackJob"]["metadata"]["id"]
    platform.succeed(job)
    a = platform.cli("stack-job", "stream-progress-events", job)
    b = platform.cli("sj", "logs", job)
    assert a.out == b.out and "apply" in a.out and "terraform_data" in a.out


def test_S36_cancel_says_what_happens(platform: Platform) -> None:
    job = platform.apply(playground(sleepSeconds=2))["stackJob"]["metadata"]["id"]
    said = platform.cli("stack-job", "cancel", job)
    assert job in said.out + said.err
    platform.wait_job(job)
    missing = platform.cli("stack-job", "cancel", "sj_00000000000000000000000000", check=6)
    assert "sj_00000000000000000000000000" in missing.err


def test_S38_rerun_of_every_end(platform: Platform) -> None:
    done = platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])
    again = job_id(platform.cli("stack-job", "rerun", done["metadata"]["id"], "-m", "once more").out)
    document = platform.succeed(again)
    assert (document["spec"]["rerunOf"], document["spec"]["message"]) == (done["metadata"]["id"], "once more")
    running = platform.apply(playground(message="x", sleepSeconds=3))["stackJob"]["metadata"]["id"]
    refused = platform.cli("stack-job", "rerun", running, check=None)
    assert refused.code != 0 and "running" in refused.err + refused.out or "queued" in refused.err


def test_S40_stack_input_and_the_common_flags(platform: Platform) -> None:
    resource = platform.apply(playground(), operation="none")["resource"]["metadata"]["id"]
    shown = platform.cli("sj", "create-stack-job", resource, "--operation", "update", "-t", "-m", "why I do this")
    job = job_id(shown.out + shown.err)
    assert platform.job(job)["spec"]["message"] == "why I do this"
    assert "Outputs" in shown.out and "created" in shown.out
    plain = platform.cli("sj", "create-stack-job", resource, "--operation", "update", "--tail", "--show-stack-outputs=false", "--show-stack-summary=false")
    assert "Outputs" not in plain.out
    changed = platform.apply(playground(message="changed"), operation="none")
    assert changed["outcome"] == "updated"
    diff = platform.cli("sj", "create-stack-job", resource, "--operation", "update", "--tail", "--show-stack-diff")
    assert "hello" in diff.out and "changed" in diff.out
    document = yaml.safe_load(platform.cli("stack-job", "stack-input", job).out)
    assert document["target"]["kind"] == "Playground" and document["target"]["spec"]["message"] == "hello"
    assert set(document) >= {"target", "providerConfig", "iac"}


def test_S32_preflight_checks_name_what_is_missing(platform: Platform) -> None:
    report = platform.cli("stack-job", "preflight-checks", "--cloud-resource-kind", "PostgresDatabase", check=5)
    assert "postgresql" in report.out + report.err
    assert platform.cli("stack-job", "preflight-checks", "--cloud-resource-kind", "Playground").code == 0


def test_S21_missing_credentials_fail_the_preflight_and_run_nothing(platform: Platform) -> None:
    from harness.postgres import database

    job = platform.apply(database("db"))["stackJob"]["metadata"]["id"]
    document = platform.wait_job(job)
    assert document["status"]["result"] == "failed"
    assert document["status"]["error"]["code"] == "preflight_failed"
    assert "postgresql" in document["status"]["error"]["message"]
    assert not any(o["attempts"] for o in document["status"]["operations"])
    rows = {r["essential"]: r["ok"] for r in document["status"]["preflight"]["rows"]}
    assert list(rows.values()).count(False) == 1 and len(rows) == 4


def test_S13_a_pause_between_preview_and_apply_waits_and_resumes(platform: Platform) -> None:
    document = playground() | {"placement": {"flowControl": {"pauseBetweenPreviewAndUpdateOrDestroy": True}}}
    job = platform.apply(document)["stackJob"]["metadata"]["id"]
    paused = platform.wait_job(job, "awaiting_approval")
    assert dict(operations(paused))["apply"] == "tbd"
    assert platform.request("GET", "/api/v1/cloud-resources/Playground%2Fplay/state-versions").json()["items"] == []
    time.sleep(0.5)
    assert not platform.role("step") and not platform.role("engine")
    assert platform.cli("sj", "resume", job, "--tail", "-m", "looks right").code == 0
    assert operations(platform.succeed(job))[-1] == ("apply", "succeeded")


def test_S14_is_manual_waits_before_the_first_operation(platform: Platform) -> None:
    document = playground() | {"placement": {"flowControl": {"isManual": True}}}
    job = platform.apply(document)["stackJob"]["metadata"]["id"]
    paused = platform.wait_job(job, "awaiting_approval")
    assert {r for _, r in operations(paused)} == {"tbd"}
    platform.cli("sj", "resume", job)
    platform.succeed(job)


def test_S11_skip_refresh_leaves_refresh_out(platform: Platform) -> None:
    document = playground() | {"placement": {"flowControl": {"skipRefresh": True}}}
    job = platform.succeed(platform.apply(document)["stackJob"]["metadata"]["id"])
    results = dict(operations(job))
    assert results.get("refresh", "skipped") == "skipped"
    assert results["apply"] == "succeeded"

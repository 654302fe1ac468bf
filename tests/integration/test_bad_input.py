"""Wrong input, through the API and the CLI: a clear error that names the field or the file, and nothing is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.kinds import manifest, write_kind
from harness.planton import ApiError, Platform, job_id, playground

REQUIRED_VARIABLE = """
variable "needed" { type = string }
resource "terraform_data" "it" { input = var.needed }
"""

BROKEN = """
resource "terraform_data" "it" {
  input = local.is_not_declared
}
"""

UNKNOWN_PROVIDER = """
terraform {
  required_providers {
    nowhere = { source = "planton.test/none/nowhere" }
  }
}
"""

TWO_ENVIRONMENTS = ("dev", "prod")


def fails(platform: Platform, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    with pytest.raises(ApiError) as caught:
        platform.api(method, path, body, headers)
    assert (caught.value.status, caught.value.error["code"]) == (status, code), caught.value
    if field is not None:
        assert caught.value.error["field"] == field, caught.value
    return caught.value.error


def apply_fails(platform: Platform, document: dict[str, Any], *, status: int = 422, code: str = "unprocessable", field: str | None = None, **headers: str) -> dict[str, Any]:
    return fails(platform, "POST", "/api/v1/apply", {"manifest": document}, headers, status=status, code=code, field=field)


def jobs(platform: Platform) -> list[dict[str, Any]]:
    return platform.api("GET", "/api/v1/stack-jobs?limit=500")["items"]


def resources(platform: Platform) -> list[str]:
    return [r["metadata"]["slug"] for r in platform.api("GET", "/api/v1/cloud-resources")["items"]]


def write(platform: Platform, document: object, name: str = "m.yaml") -> str:
    path = platform.root / name
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return str(path)


@pytest.fixture
def quiet(make_platform: Callable[..., Platform]) -> Platform:
    """Nothing that is tested with it gets as far as a runner."""
    return make_platform("--no-runner").start()


def test_wrong_yaml(quiet: Platform) -> None:
    for text, place in (
        ("kind: Playground\n  metadata: [", "line 2"),
        ("apiVersion: x\nkind: a\nkind: b\n", "line 3"),
        ("kind: Playground\nmetadata: {name: *nothing}\n", "line 2"),
        ("just words\n", "kind"),
        ("", "no manifest"),
        ("kind: Playground\n", "metadata.name"),
    ):
        path = write(quiet, text)
        for command in (("apply",), ("validate",), ("diff",), ("preview",)):
            failed = quiet.cli(*command, "-f", path, check=None)
            assert failed.code == 2, (command, text, failed)
            assert path in failed.err and place in failed.err, (command, text, failed.err)
            assert failed.out == ""
    missing = quiet.cli("apply", "-f", "/nowhere/m.yaml", check=6)
    assert "/nowhere/m.yaml" in missing.err and "No such file" in missing.err
    response = quiet.request("POST", "/api/v1/apply", data='{"manifest": {', headers={"Content-Type": "application/json"})
    assert response.status_code == 400 and "line 1" in response.json()["error"]["message"], response.text
    assert jobs(quiet) == [] and resources(quiet) == []


def test_unknown_kind(quiet: Platform) -> None:
    document = playground() | {"kind": "Plaground"}
    error = apply_fails(quiet, document, field="/kind")
    assert "did you mean Playground?" in error["message"]
    path = write(quiet, document)
    failed = quiet.cli("apply", "-f", path, check=1)
    assert path in failed.err and "kind" in failed.err and "Playground" in failed.err, failed.err
    error = apply_fails(quiet, playground() | {"apiVersion": "playground.planton.dev/v2"}, field="/apiVersion")
    assert "playground.planton.dev/v1" in error["message"]
    report = quiet.api("POST", "/api/v1/preflight-checks", {"cloudResourceKind": "Plaground", "org": "default", "env": "dev"})
    assert not report["ok"] and "did you mean Playground?" in json.dumps(report["rows"]), report
    error = fails(quiet, "POST", "/api/v1/preflight-checks", {"cloudResourceKind": "Playground", "env": "dve"}, status=404, code="not_found")
    assert "dve" in error["message"] and "dev" in error["hint"]


def test_schema_violations_are_all_listed(quiet: Platform) -> None:
    document = playground(message=7, count=1000, failAt="later", trigers={})
    error = apply_fails(quiet, document)
    fields = {d["field"]: d["message"] for d in error["details"]}
    assert set(fields) == {"/spec/message", "/spec/count", "/spec/failAt", "/spec/trigers"}
    assert "100" in fields["/spec/count"] and 'did you mean "triggers"' in fields["/spec/trigers"]
    path = write(quiet, document)
    for command in ("apply", "validate"):
        failed = quiet.cli(command, "-f", path, check=1)
        assert path in failed.err + failed.out
        for field in ("spec.message", "spec.count", "spec.failAt", "spec.trigers"):
            assert field in failed.err + failed.out, (command, failed)
    checked = quiet.api("POST", "/api/v1/validate", {"manifest": document})
    assert not checked["valid"] and {e["field"] for e in checked["errors"]} == set(fields)
    assert resources(quiet) == []


def test_typos_are_not_passed_over(quiet: Platform) -> None:
    document = playground()
    document["sepc"] = document.pop("spec")
    assert 'did you mean "spec"' in apply_fails(quiet, document, field="/sepc")["message"]
    document = playground()
    document["metadata"]["lables"] = {}
    apply_fails(quiet, document, field="/metadata/lables")
    document = playground() | {"placement": {"conection": "x"}}
    apply_fails(quiet, document, field="/placement/conection")
    error = fails(quiet, "GET", "/api/v1/stack-jobs?stauts=queued", status=400, code="invalid_argument", field="stauts")
    assert "status" in error["hint"]
    fails(quiet, "GET", "/api/v1/stack-jobs?status=qeued", status=400, code="invalid_argument", field="status")
    fails(quiet, "GET", "/api/v1/cloud-resources?limit=many", status=400, code="invalid_argument", field="limit")
    fails(quiet, "POST", "/api/v1/apply", {"manifest": playground(), "mesage": "x"}, status=400, code="invalid_argument", field="mesage")
    fails(quiet, "POST", "/api/v1/apply", {"manifest": "text"}, status=400, code="invalid_argument", field="manifest")
    fails(quiet, "POST", "/api/v1/apply", {"manifest": playground(), "operation": "destroy"}, status=400, code="invalid_argument", field="operation")
    assert quiet.request("GET", "/api/v1/stack-job").status_code == 404
    wrong_method = quiet.request("PUT", "/api/v1/stack-jobs")
    assert wrong_method.status_code == 405 and wrong_method.json()["error"]["code"] == "method_not_allowed"
    for arguments in (("sj", "lst"), ("aply",), ("apply", "--fiel", "x"), ("apply",), ("list", "cloudresources")):
        failed = quiet.cli(*arguments, check=2)
        assert failed.err.startswith("error: ") and failed.out == "", failed
    assert resources(quiet) == []


def test_secret_values_are_not_in_errors(quiet: Platform) -> None:
    secret = "planted-in-the-wrong-place"
    document = {
        "apiVersion": "planton.dev/v1", "kind": "Connection", "metadata": {"name": "pg", "org": "default"},
        "spec": {"provider": "postgresql", "fields": {"host": "h", "user": "u", "password": {"oops": secret}, "sslMode": secret}}}
    error = apply_fails(quiet, document)
    assert {d["field"] for d in error["details"]} == {"/spec/fields/password", "/spec/fields/sslMode"}
    failed = quiet.cli("apply", "-f", write(quiet, document), check=1)
    assert secret not in json.dumps(error) + failed.err + failed.out + quiet.log.read_text()


def test_duplicate_slug(quiet: Platform) -> None:
    """Two names with one slug are one resource by slug; with an id they are told apart."""
    first = quiet.apply(playground("My Play"), operation="none")["resource"]["metadata"]
    other = quiet.apply(playground("Other"), operation="none")["resource"]["metadata"]
    document = playground("my play")
    document["metadata"]["id"] = other["id"]
    document["metadata"]["slug"] = "my-play"
    error = apply_fails(quiet, document, status=409, code="conflict", field="/metadata/slug")
    assert other["id"] in error["message"] and "my-play" in error["message"]
    failed = quiet.cli("apply", "-f", write(quiet, document), check=1)
    assert "metadata.slug" in failed.err, failed
    same = quiet.apply(playground("My  Play"), operation="none")
    assert (same["outcome"], same["resource"]["metadata"]["id"]) == ("updated", first["id"])
    twice = yaml.safe_dump(playground("twin")) + "---\n" + yaml.safe_dump(playground("Twin", message="another"))
    path = write(quiet, twice)
    failed = quiet.cli("apply", "-f", path, "--operation", "none", check=None)
    assert failed.code != 0 and "twin" in failed.err.lower() and path in failed.err, failed
    assert "twin" not in resources(quiet)
    apply_fails(quiet, playground() | {"metadata": {"name": "x", "slug": "Not A Slug", "org": "default", "env": "dev"}}, field="/metadata/slug")
    apply_fails(quiet, playground("!!!"), field="/metadata/name")


def test_ambiguous_slug(quiet: Platform) -> None:
    quiet.apply({"apiVersion": "planton.dev/v1", "kind": "Environment", "metadata": {"name": "prod", "org": "default"}, "spec": {}})
    ids = []
    for env in TWO_ENVIRONMENTS:
        document = playground("twin")
        document["metadata"]["env"] = env
        ids.append(quiet.apply(document, operation="none")["resource"]["metadata"]["id"])
    error = fails(quiet, "GET", "/api/v1/cloud-resources/twin", status=409, code="ambiguous")
    assert [d["field"] for d in error["details"]] == ids
    assert all(f"default/{env}" in error["message"] for env in TWO_ENVIRONMENTS) and "--env" in error["hint"]
    fails(quiet, "POST", "/api/v1/stack-jobs", {"cloudResource": "twin"}, status=409, code="ambiguous")
    (quiet.root / "config" / "planton" / "config.yaml").write_text(yaml.safe_dump(
        {"currentContext": "local", "contexts": {"local": {k: v for k, v in quiet.context().items() if k != "env"}}}))
    failed = quiet.cli("sj", "create", "twin", check=2)
    assert all(i in failed.err for i in ids) and "--env" in failed.err, failed.err
    created = quiet.cli("sj", "create", "twin", "--env", "prod")
    assert quiet.job(job_id(created.out + created.err))["spec"]["env"] == "prod"
    missing = quiet.cli("get", "Playground/twni", "--env", "dev", check=6)
    assert "twin" in missing.err


def test_unknown_operation(quiet: Platform) -> None:
    quiet.apply(playground(), operation="none")
    error = fails(quiet, "POST", "/api/v1/stack-jobs", {"cloudResource": "play", "operation": "aply"}, status=400, code="invalid_argument", field="operation")
    assert all(word in json.dumps(error) for word in ("refresh", "preview", "update", "destroy"))
    failed = quiet.cli("stack-job", "create-stack-job", "play", "--operation", "aply", check=2)
    assert "aply" in failed.err and "preview" in failed.err, failed.err
    assert jobs(quiet) == []


def test_oversize_body(quiet: Platform) -> None:
    limit = 1 << 20
    error = apply_fails(quiet, playground(message="x" * (2 * limit)), status=413, code="too_large")
    assert any(c.isdigit() for c in error["message"])
    error = apply_fails(quiet, playground() | {"metadata": {"name": "x", "org": "default", "env": "dev", "annotations": {f"a{i}": "v" * 8000 for i in range(64)} | {"b": "v" * 9000}}})
    assert "8192" in json.dumps(error)
    path = write(quiet, playground(message="x" * (5 * limit)))
    failed = quiet.cli("apply", "-f", path, check=None)
    assert failed.code in (1, 2) and path in failed.err and any(c.isdigit() for c in failed.err.replace(path, "")), failed.err
    assert quiet.request("GET", "/readyz").status_code == 200
    assert resources(quiet) == []


def test_wrong_key(quiet: Platform) -> None:
    good = quiet.token
    for header in ("", "Bearer", "Bearer wrong", "Bearer " + good[:-1], "Basic " + good, f"Bearer {good}x"):
        response = quiet.request("GET", "/api/v1/stack-jobs", headers={"Authorization": header})
        assert response.status_code == 401 and response.json()["error"]["code"] == "unauthenticated", (header, response.text)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert good not in response.text
    failed = quiet.cli("sj", "list", env={"PLANTON_TOKEN": "pt_wrong"}, check=3)
    assert "key" in failed.err and "planton login" in failed.err and "pt_wrong" not in failed.err
    assert quiet.request("GET", "/healthz", headers={"Authorization": ""}).status_code == 200


def test_stale_if_match(quiet: Platform) -> None:
    made = quiet.request("POST", "/api/v1/apply", {"manifest": playground(), "operation": "none"})
    first, tag = made.json()["resource"]["metadata"]["version"]["id"], made.headers["ETag"]
    assert tag == f'"{first}"'
    second = quiet.request("POST", "/api/v1/apply", {"manifest": playground(message="2"), "operation": "none"}, headers={"If-Match": tag})
    assert second.status_code == 200, second.text
    now = second.json()["resource"]["metadata"]["version"]["id"]
    error = apply_fails(quiet, playground(message="3"), status=409, code="conflict", field="If-Match", **{"If-Match": tag})
    assert first in error["message"] and now in error["message"]
    path = write(quiet, playground(message="3"))
    failed = quiet.cli("apply", "-f", path, "--if-match", first, check=1)
    assert first in failed.err and now in failed.err and path in failed.err, failed.err
    fails(quiet, "DELETE", "/api/v1/cloud-resources/play", headers={"If-Match": tag}, status=409, code="conflict", field="If-Match")
    assert quiet.api("GET", "/api/v1/cloud-resources/play")["spec"]["message"] == "2"
    quiet.cli("apply", "-f", path, "--if-match", now, "--operation", "none")
    assert jobs(quiet) == []


def test_a_post_repeated_with_its_key_makes_one_job(quiet: Platform) -> None:
    body = {"manifest": playground()}
    first = quiet.request("POST", "/api/v1/apply", body, headers={"Idempotency-Key": "one"})
    again = quiet.request("POST", "/api/v1/apply", body, headers={"Idempotency-Key": "one"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json() and again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    request = {"cloudResource": "play", "operation": "preview"}
    made = [quiet.request("POST", "/api/v1/stack-jobs", request, headers={"Idempotency-Key": "two"}).json()["metadata"]["id"] for _ in range(3)]
    assert len(set(made)) == 1
    quiet.restart()
    assert quiet.request("POST", "/api/v1/stack-jobs", request, headers={"Idempotency-Key": "two"}).json()["metadata"]["id"] == made[0]
    assert len(jobs(quiet)) == 2
    fails(quiet, "POST", "/api/v1/stack-jobs", request | {"operation": "update"}, {"Idempotency-Key": "two"}, status=422, code="unprocessable", field="Idempotency-Key")
    fails(quiet, "POST", "/api/v1/stack-jobs", request, {"Idempotency-Key": "with space"}, status=400, code="invalid_argument", field="Idempotency-Key")
    # A refused request leaves its key free.
    fails(quiet, "POST", "/api/v1/stack-jobs", {"cloudResource": "none"}, {"Idempotency-Key": "three"}, status=404, code="not_found")
    quiet.api("POST", "/api/v1/stack-jobs", request, {"Idempotency-Key": "three"})
    assert len(jobs(quiet)) == 3


def failed_job(platform: Platform, document: dict[str, Any]) -> tuple[dict[str, Any], str]:
    job = platform.apply(document)["stackJob"]["metadata"]["id"]
    status = platform.wait_job(job)["status"]
    assert status["result"] == "failed", platform.explain(job)
    shown = platform.cli("sj", "logs", job, "--exit-status", check=None)
    assert shown.code in (4, 5), shown
    return status, shown.out + shown.err


def test_missing_module_variable(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "Needs", REQUIRED_VARIABLE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    status, shown = failed_job(platform, manifest("Needs", "n"))
    assert "needed" in status["error"]["message"], status
    assert "needed" in shown, shown
    # Nothing of the engine but, at most, its init has run.
    assert all(o["status"] != "completed" or o["result"] != "succeeded" for o in status["operations"] if o["operation"] != "init")
    platform.succeed(platform.apply(manifest("Needs", "n", needed="x"))["stackJob"]["metadata"]["id"])


def test_module_that_fails_to_plan(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "Broken", BROKEN)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    status, shown = failed_job(platform, manifest("Broken", "b"))
    assert "is_not_declared" in shown and "main.tf" in shown, shown
    assert "is_not_declared" in json.dumps(status), status
    status, shown = failed_job(platform, playground("p", failAt="plan"))
    assert "failAt" in shown or "plan" in shown, shown
    skipped = [o["operation"] for o in status["operations"] if o["result"] == "skipped"]
    assert skipped == ["apply"], status


def test_provider_that_is_not_in_the_mirror(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "Nowhere", UNKNOWN_PROVIDER)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    status, shown = failed_job(platform, manifest("Nowhere", "n"))
    assert "planton.test/none/nowhere" in shown, shown
    steps = {o["operation"]: o["result"] for o in status["operations"]}
    assert steps == {"init": "failed", "refresh": "skipped", "preview": "skipped", "apply": "skipped"}, steps
    assert "nowhere" in json.dumps(status)


def test_references_that_lead_nowhere(platform: Platform) -> None:
    document = playground("user", message={"valueFrom": {"kind": "Playground", "env": "dev", "name": "sorce", "fieldPath": "status.outputs.message"}})
    status, shown = failed_job(platform, document)
    assert "spec.message" in status["error"]["message"] and "sorce" in status["error"]["message"], status
    assert "spec.message" in shown

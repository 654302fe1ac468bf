"""What is common to all routes: keys, errors, queries, bodies, idempotency, pages."""

from __future__ import annotations

import re
import subprocess

import pytest
import requests
from fake_runner import FakeRunner
from harness.planton import BINARY, ApiError, Platform, playground


def refused(platform: Platform, status: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> dict[str, object]:
    with pytest.raises(ApiError) as caught:
        platform.api(method, path, body, headers)
    assert caught.value.status == status, caught.value
    return caught.value.error


def test_every_route_asks_for_its_kind_of_key(server: Platform) -> None:
    keys = {"admin": server.token, "runner": FakeRunner(server).key}
    lines = subprocess.run([BINARY, "server", "--print-routes"], capture_output=True, text=True, check=True).stdout.splitlines()
    for method, pattern, _, audience in (line.split() for line in lines):
        url = server.base + re.sub(r"\{[^}]*\}", "x", pattern)
        if audience == "anyone":
            assert requests.request(method, url, timeout=10).status_code == 200
            continue
        nobody = requests.request(method, url, timeout=10)
        assert nobody.status_code == 401 and nobody.headers["WWW-Authenticate"], f"{method} {url}"
        stranger = requests.request(method, url, timeout=10, headers={"Authorization": "Bearer pt_wrong"})
        assert stranger.status_code == 401, f"{method} {url}"
        wrong = {"admin": "runner", "runner": "admin"}.get(audience)
        if wrong:
            assert requests.request(method, url, timeout=10, headers={"Authorization": f"Bearer {keys[wrong]}"}).status_code == 403, f"{method} {url}"


def test_typos_are_errors_that_help(server: Platform) -> None:
    assert "did you mean slug" in str(refused(server, 400, "GET", "/api/v1/environments?slgu=x"))
    assert "did you mean message" in str(refused(server, 400, "POST", "/api/v1/apply", {"manifest": {}, "mesage": "x"}))
    assert "awaiting_approval" in str(refused(server, 400, "GET", "/api/v1/stack-jobs?status=waiting"))
    assert refused(server, 404, "GET", "/api/v1/nothing")["code"] == "not_found"
    assert refused(server, 405, "POST", "/api/v1/version", {})["code"] == "method_not_allowed"
    assert refused(server, 400, "POST", "/api/v1/apply")["code"] == "invalid_argument"
    form = server.request("POST", "/api/v1/apply", headers={"Content-Type": "application/x-www-form-urlencoded"}, data="a=b")
    assert form.status_code == 415


def test_idempotency(server: Platform) -> None:
    body = {"manifest": playground(), "operation": "none"}
    first = server.request("POST", "/api/v1/apply", body, {"Idempotency-Key": "one"})
    again = server.request("POST", "/api/v1/apply", body, {"Idempotency-Key": "one"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers
    refused(server, 422, "POST", "/api/v1/apply", {"manifest": playground("other")}, {"Idempotency-Key": "one"})
    assert server.request("POST", "/api/v1/apply", body, {"Idempotency-Key": "two"}).json()["outcome"] == "unchanged"
    refused(server, 400, "POST", "/api/v1/apply", body, {"Idempotency-Key": "with space"})


def test_etag_and_if_match(server: Platform) -> None:
    applied = server.request("POST", "/api/v1/apply", {"manifest": playground(), "operation": "none"})
    ident = applied.json()["resource"]["metadata"]["id"]
    got = server.request("GET", f"/api/v1/cloud-resources/{ident}")
    assert got.headers["ETag"] == applied.headers["ETag"]
    changed = {"manifest": playground(message="changed"), "operation": "none"}
    assert server.request("POST", "/api/v1/apply", changed, {"If-Match": got.headers["ETag"]}).json()["outcome"] == "updated"
    changed["manifest"] = playground(message="again")
    assert refused(server, 409, "POST", "/api/v1/apply", changed, {"If-Match": got.headers["ETag"]})["code"] == "conflict"


def test_pages(server: Platform) -> None:
    for i in range(5):
        server.apply(playground(f"p{i}"), operation="none")
    slugs, cursor = [], ""
    while True:
        page = server.api("GET", f"/api/v1/cloud-resources?limit=2&cursor={cursor}")
        slugs += [item["metadata"]["slug"] for item in page["items"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    assert slugs == [f"p{i}" for i in range(5)]


def test_check_before_apply(server: Platform) -> None:
    server.apply(playground(), operation="none")
    assert server.api("POST", "/api/v1/validate", {"manifest": playground()}) == {"valid": True, "errors": []}
    broken = server.api("POST", "/api/v1/validate", {"manifest": playground(count="many", nonsense=1)})
    assert not broken["valid"] and {e["field"] for e in broken["errors"]} == {"/spec/count", "/spec/nonsense"}
    assert server.api("POST", "/api/v1/diff", {"manifest": playground()}) == {"same": True, "diff": ""}
    change = server.api("POST", "/api/v1/diff", {"manifest": playground(message="other")})
    assert not change["same"] and "-  message: hello\n+  message: other\n" in change["diff"]


def test_everything_wrong_with_a_manifest_is_told_at_once(server: Platform) -> None:
    broken = playground(count="many") | {"apiVersion": 1, "metadata": {"name": "", "labels": "x", "org": "default", "env": "nowhere"}, "placment": {}}
    found = server.api("POST", "/api/v1/validate", {"manifest": broken})["errors"]
    fields = [error["field"] for error in found]
    for field in ("/placment", "/apiVersion", "/metadata/name", "/metadata/labels", "/spec/count", "/metadata/env"):
        assert field in fields, found
    connection = {"apiVersion": "planton.dev/v1", "kind": "Connection", "metadata": {"name": "pg", "tags": 1}, "spec": {"fields": {}}}
    found = server.api("POST", "/api/v1/validate", {"manifest": connection})["errors"]
    assert [error["field"] for error in found] == ["/metadata/tags", "/spec/provider"], found
    for nothing in ({}, {"kind": "Playground"}, {"kind": 3, "metadata": [], "spec": 1}, {"kind": "Environment", "metadata": {"env": 1}}):
        errors = server.api("POST", "/api/v1/validate", {"manifest": nothing})["errors"]
        assert errors and len({(e["field"], e["message"]) for e in errors}) == len(errors), errors



def test_metrics(server: Platform) -> None:
    text = server.request("GET", "/metrics").text
    assert re.search(r"^planton_http_requests_total [1-9]", text, re.MULTILINE)
    assert re.search(r'^planton_stack_jobs\{status="completed",result="succeeded"\} 0$', text, re.MULTILINE)

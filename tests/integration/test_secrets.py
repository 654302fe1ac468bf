"""Fifty resources at once, each with its own state; and planted secrets that are found nowhere in the clear."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.kinds import manifest, write_kind
from harness.planton import Platform, playground
from harness.postgres import Postgres
from harness.processes import wait_until
from harness.secrets import Search, forms

RESOURCES = 50

# The connection's password reaches the engine only; the token is a sensitive variable; the key a sensitive output that nobody knew before.
MODULE = """\
terraform {
  required_providers {
    random     = { source = "hashicorp/random" }
    postgresql = { source = "cyrilgdn/postgresql" }
  }
}

provider "postgresql" {
  superuser = false
}

variable "metadata" {
  type = object({ name = string })
}

variable "spec" {
  type = object({ token = string, note = string, seconds = number })
}

resource "random_password" "key" {
  length  = 40
  keepers = { note = var.spec.note }
}

resource "postgresql_role" "user" {
  name     = "secrets_user"
  login    = true
  password = var.spec.token
}

resource "terraform_data" "holder" {
  input = { token = sensitive(var.spec.token), note = var.spec.note }
}

resource "terraform_data" "talker" {
  triggers_replace = [var.spec.note]
  depends_on       = [random_password.key]

  # The first is what the engine itself hides; the second it does not know to be secret, so it is ours to mask.
  provisioner "local-exec" {
    command     = "echo the token is $TOKEN"
    environment = { TOKEN = sensitive(var.spec.token) }
  }
  provisioner "local-exec" {
    command = "echo the password is $PGPASSWORD; echo in base64 $(printf %s $PGPASSWORD | base64); sleep ${var.spec.seconds}"
  }
}

output "key" {
  value     = random_password.key.result
  sensitive = true
}

output "token" {
  value     = var.spec.token
  sensitive = true
}

output "note" {
  value = var.spec.note
}
"""

SCHEMA: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["token", "note"],
    "properties": {"token": {"type": "string"}, "note": {"type": "string"}, "seconds": {"type": "integer", "default": 0}},
}
TOKEN = 'T0k"en<planted>\\of&this=test+Ω~7f3a'


def test_fifty_resources_at_two_slots_each_with_its_own_state(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform("--runner-capacity", "2").start()

    def apply(i: int, message: str) -> tuple[str, str]:
        answer = platform.request("POST", "/api/v1/apply", {"manifest": playground(f"many-{i}", message=message)}).json()
        return answer["resource"]["metadata"]["id"], answer["stackJob"]["metadata"]["id"]

    for turn in ("first", "second"):
        with ThreadPoolExecutor(16) as pool:
            made = list(pool.map(lambda i, turn=turn: apply(i, f"{turn} of {i}"), range(RESOURCES)))
        for i, (resource, job) in enumerate(made):
            document = platform.wait_job(job, timeout=300)
            assert document["status"]["result"] == "succeeded", platform.explain(job)
            state = platform.state(resource)
            assert state["outputs"]["message"]["value"] == f"{turn} of {i}"
    assert len({platform.state(resource)["lineage"] for resource, _ in made}) == RESOURCES
    assert len({resource for resource, _ in made}) == RESOURCES


def answers(platform: Platform, job: str, resource: str) -> list[tuple[str, bytes]]:
    """Everything that the API says without being asked to show what is sensitive."""
    paths = [
        "/api/v1/organizations", "/api/v1/environments", "/api/v1/connections", "/api/v1/connections/pg", "/api/v1/connections/pg/versions",
        "/api/v1/cloud-resources", f"/api/v1/cloud-resources/{resource}", f"/api/v1/cloud-resources/{resource}/versions",
        f"/api/v1/cloud-resources/{resource}/outputs", f"/api/v1/cloud-resources/{resource}/state-versions",
        f"/api/v1/cloud-resources/{resource}/state-lock", "/api/v1/cloud-resource-kinds", "/api/v1/iac-modules", "/api/v1/provider-types",
        "/api/v1/stack-jobs", f"/api/v1/stack-jobs/{job}", f"/api/v1/stack-jobs/{job}/events?limit=500", f"/api/v1/stack-jobs/{job}/stack-input",
        *(f"/api/v1/stack-jobs/{job}/operations/{o}/log" for o in ("init", "refresh", "preview", "apply")),
        "/api/v1/runners", "/metrics",
    ]
    found = []
    for path in paths:
        response = platform.request("GET", path)
        assert response.status_code in (200, 404), f"{path}: {response.status_code} {response.text}"
        assert response.status_code == 200 or "/log" in path, f"{path}: {response.text}"
        found.append((path, response.content))
    stream = platform.request("GET", f"/api/v1/stack-jobs/{job}/events?follow=false", headers={"Accept": "text/event-stream"})
    found.append(("the stream", stream.content))
    diff = platform.request("POST", "/api/v1/diff", {"manifest": planted("diff", note="other")})
    found.append(("diff", diff.content))
    return found


def planted(name: str, token: str = TOKEN, note: str = "one", seconds: int = 0, **more: Any) -> dict[str, Any]:
    return manifest("Planted", name, token=token, note=note, seconds=seconds) | more


def look(platform: Platform, secrets: dict[str, str], job: str, resource: str, running: bool) -> Search:
    search = Search(secrets)
    if not running:
        wait_until(lambda: not [*platform.data.glob(f"work/{job}"), *platform.data.glob(f"runner/jobs/{job}")], "the runner has cleaned up")
    # The running workspace is the engine's own; beside it, its output as it was printed waits for being masked and sent.
    mine = [*platform.data.glob(f"work/{job}"), *platform.data.glob(f"runner/jobs/{job}")] if running else []
    search.tree(platform.data, mine)
    search.tree(platform.root / "home")
    search.tree(platform.root / "config")
    search.file(platform.log)
    search.command_lines()
    for path, content in answers(platform, job, resource):
        search.check(path, content)
    return search


def test_planted_secrets_are_nowhere_in_the_clear(make_platform: Callable[..., Platform], postgres: Postgres, tmp_path: Path) -> None:
    password = "p1anted/passw0rd+of the-connection='é"
    postgres.query("DROP ROLE IF EXISTS planted_admin")
    postgres.query("CREATE ROLE planted_admin SUPERUSER LOGIN PASSWORD '" + password.replace("'", "''") + "'")
    write_kind(tmp_path / "kinds", "Planted", MODULE, SCHEMA, sensitive=["/token"], provider="postgresql")
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    connection = postgres.connection()
    connection["spec"]["fields"] |= {"user": "planted_admin", "password": password}
    platform.apply(connection)
    secrets = {"the connection's password": password, "the token": TOKEN}

    # While it runs: the talker has said its secrets and sleeps.
    answer = platform.apply(planted("p", seconds=4))
    job, resource = answer["stackJob"]["metadata"]["id"], answer["resource"]["metadata"]["id"]
    wait_until(lambda: any(e["type"] == "log" and "in base64" in e["payload"]["line"] and "echo" not in e["payload"]["line"] for e in platform.events(job)), "the talker talks", 60)
    search = look(platform, secrets, job, resource, running=True)
    assert platform.job(job)["status"]["status"] == "running"
    assert search.found == []
    platform.succeed(job)
    said = [e["payload"]["line"] for e in platform.events(job) if e["type"] == "log" and "the password is" in e["payload"]["line"] and "echo" not in e["payload"]["line"]]
    assert said and all("(sensitive)" in line for line in said), said

    # Afterwards, when also the made one is known.
    outputs = platform.api("GET", f"/api/v1/cloud-resources/{resource}/outputs?showSensitive=true")["outputs"]
    assert outputs["token"]["value"] == TOKEN and outputs["note"] == {"value": "one", "type": "string", "sensitive": False}
    secrets["the key"] = outputs["key"]["value"]
    search = look(platform, secrets, job, resource, running=False)
    assert search.found == []
    assert search.looked_at > 20

    # While it is paused: plan, modules and inputs are packed and stored.
    placed: dict[str, Any] = {"placement": {"flowControl": {"pauseBetweenPreviewAndUpdateOrDestroy": True}}}
    paused = platform.apply(planted("p", token=TOKEN + "-changed", note="two", **placed))["stackJob"]["metadata"]["id"]
    platform.wait_job(paused, "awaiting_approval")
    secrets["the new token"] = TOKEN + "-changed"
    search = look(platform, secrets, paused, resource, running=False)
    assert search.found == []
    platform.api("POST", f"/api/v1/stack-jobs/{paused}/resume", {"comment": "go on"})
    platform.succeed(paused)
    secrets["the new key"] = platform.api("GET", f"/api/v1/cloud-resources/{resource}/outputs?showSensitive=true")["outputs"]["key"]["value"]
    search = look(platform, secrets, paused, resource, running=False)
    assert search.found == []

    # What the command line client prints.
    search = Search(secrets)
    for command in (["get", "Planted/p", "-o", "yaml"], ["output", "Planted/p"], ["sj", "logs", paused, "--no-follow"], ["sj", "get", paused, "-o", "json"],
                    ["sj", "stack-input", paused], ["get", "Connection/pg", "-o", "yaml"]):
        result = platform.cli(*command, "--org", "default", "--env", "dev", check=None)
        search.check(" ".join(command), (result.out + result.err).encode())
    assert search.found == []
    postgres.query("DROP ROLE secrets_user")


@pytest.mark.parametrize("form", ["plain", "json", "base64", "gzip", "zip", "tar.gz", "json in base64 in zip"])
def test_the_search_itself_finds(form: str) -> None:
    """A search that finds nothing proves nothing, unless it would have found it."""
    plain = f'x{{"a": {json.dumps(TOKEN)}}}'.encode()
    made = {
        "plain": b"..." + TOKEN.encode() + b"...",
        "json": plain,
        "base64": b"zz " + base64.b64encode(b"k" + TOKEN.encode() + b"more") + b" zz",
        "gzip": gzip.compress(plain),
        "zip": _zip(plain),
        "tar.gz": gzip.compress(_tar(plain)),
        "json in base64 in zip": _zip(base64.b64encode(plain)),
    }[form]
    search = Search({"it": TOKEN})
    search.check("made", made)
    assert search.found, forms(TOKEN)


def _zip(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tfstate", content)
    return target.getvalue()


def _tar(content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        entry = tarfile.TarInfo("plan")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()

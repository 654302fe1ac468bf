"""What the scenarios share: a kind whose apply makes real things and takes its time, and what a job looks like without its times."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.kinds import manifest, write_kind
from harness.planton import Platform
from harness.processes import wait_until
from harness.recorder import Launch, Recorder

# Three databases: the first two at once, then a wait, then the third. The engine saves state at most every 20 s, so whatever is
# made before the wait is not in the state while it lasts.
SLOW = """\
terraform {
  required_providers {
    postgresql = { source = "cyrilgdn/postgresql" }
  }
}

provider "postgresql" {
  superuser = false
}

variable "prefix" {}
variable "seconds" {}
variable "limit" { default = 5 }

resource "postgresql_role" "owner" {
  name = "${var.prefix}_owner"
}

resource "postgresql_database" "early" {
  name             = "${var.prefix}_early"
  owner            = postgresql_role.owner.name
  connection_limit = var.limit
  template         = "template0"
}

resource "terraform_data" "wait" {
  triggers_replace = [var.limit]
  depends_on       = [postgresql_database.early]

  provisioner "local-exec" {
    command = "i=0; while [ $i -lt ${var.seconds} ]; do echo waiting $i; i=$((i+1)); sleep 1; done"
  }
}

resource "postgresql_database" "late" {
  name             = "${var.prefix}_late"
  owner            = postgresql_role.owner.name
  connection_limit = var.limit
  template         = "template0"
  depends_on       = [terraform_data.wait]
}

output "early" {
  value = postgresql_database.early.name
}
"""


# Its apply says that it is there, and lasts until the gate is open.
GATED = """\
variable "folder" {}

resource "terraform_data" "gate" {
  provisioner "local-exec" {
    command = "touch ${var.folder}/begun; while [ ! -e ${var.folder}/open ]; do sleep 0.1; done"
  }
}
"""


def gated_kind(folder: Path) -> Path:
    write_kind(folder, "Gated", GATED)
    return folder


def begin_gated(platform: Platform, folder: Path) -> tuple[str, Path]:
    """A job in the middle of its apply, and the file that lets it end."""
    job = platform.apply(manifest("Gated", "gated", folder=str(folder)))["stackJob"]["metadata"]["id"]
    wait_until((folder / "begun").exists, "the apply has begun", 60)
    return job, folder / "open"


def slow_kind(folder: Path, name: str = "SlowDatabases") -> Path:
    write_kind(folder, name, SLOW, provider="postgresql")
    return folder


def applying(recorder: Recorder, job: str, timeout: float = 60) -> Launch:
    found = recorder.wait(lambda: next((a for a in recorder.of_job(job) if a.command == "apply"), None), timeout)
    assert found, f"{job} does not get to its apply: {[str(a) for a in recorder.of_job(job)]}"
    return found


def waiting(recorder: Recorder, job: str) -> Launch:
    """The apply has made the first database and is in its wait."""
    launch = applying(recorder, job)
    found = recorder.wait(lambda: b"waiting 0" in launch.output() or launch.ended, 0.01)
    while not found:
        found = recorder.wait(lambda: b"waiting 0" in launch.output() or launch.ended, 0.05)
    assert launch.ended is None, launch.output()
    return launch


_VOLATILE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b(after|in) \d+m?\d*s\b"), "after <time>"),
    (re.compile(r"\[\d+m?\d*s elapsed\]"), "[<time> elapsed]"),
    (re.compile(r"\b(cr|sj|rnr|ver)_[0-9a-z]{26}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
)


def steady(value: Any, prefix: str) -> Any:
    """Without what differs between two runs that are the same."""
    if isinstance(value, dict):
        dropped = ("time", "durationMs", "elapsedMs", "runner", "seq", "idValue", "lineage", "encrypted_resources")
        return {k: steady(v, prefix) for k, v in value.items() if k not in dropped}
    if isinstance(value, list):
        return [steady(v, prefix) for v in value]
    if isinstance(value, str):
        text = value.replace(prefix, "PREFIX")
        for pattern, replacement in _VOLATILE:
            text = pattern.sub(replacement, text)
        return text
    return value


def story(platform: Platform, job: str, prefix: str) -> list[Any]:
    """The job's events; the engine does independent things in no certain order, so lines count, not their order."""
    events = [steady(e, prefix) for e in platform.events(job)]
    progress = [e for e in events if not (e["type"] == "resource" and e["payload"].get("phase") == "progress") and "Still " not in str(e["payload"].get("line", ""))]
    return sorted(progress, key=str)


def steady_state(platform: Platform, resource: str, prefix: str) -> Any:
    state = steady(platform.state(resource), prefix)
    for each in state["resources"]:
        for instance in each["instances"]:
            instance.pop("private", None)
            instance["attributes"].pop("id", None) if each["type"] == "terraform_data" else None
    return state

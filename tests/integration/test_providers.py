"""Providers are kept warm between the engine commands of a job, and nobody can tell but by the clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from harness.kinds import manifest, write_kind
from harness.planton import Platform
from harness.postgres import Postgres
from harness.processes import wait_until

WATCHED = """\
terraform {
  required_providers {
    random = {
      source = "hashicorp/random"
    }
  }
}

resource "random_password" "this" {
  length = 20
}

resource "terraform_data" "look" {
  triggers_replace = random_password.this.id
  provisioner "local-exec" {
    command = "echo reattached=$${TF_REATTACH_PROVIDERS:+yes} parent=$PPID told=$(echo $TF_REATTACH_PROVIDERS | sed 's/.*\\"Pid\\": *//; s/[^0-9].*//'); for p in /proc/[0-9]*; do tr '\\\\0' ' ' <$p/cmdline 2>/dev/null | grep -aqF \\"$PWD/.terraform/providers/\\" && echo provider=$p; done; true"
  }
}
"""

TWO_USERS = """\
terraform {
  required_providers {
    postgresql = {
      source = "cyrilgdn/postgresql"
    }
  }
}

variable "port" {
  type = number
}

variable "databases" {
  type = number
}

provider "postgresql" {
  alias    = "ann"
  host     = "127.0.0.1"
  port     = var.port
  username = "warm_ann"
  password = "ann-secret"
  sslmode  = "disable"
  superuser = false
}

provider "postgresql" {
  alias    = "ben"
  host     = "127.0.0.1"
  port     = var.port
  username = "warm_ben"
  password = "ben-secret"
  sslmode  = "disable"
  superuser = false
}

resource "postgresql_database" "ann" {
  count    = var.databases
  provider = postgresql.ann
  name     = "warm_ann_${count.index}"
}

resource "postgresql_database" "ben" {
  count    = var.databases
  provider = postgresql.ben
  name     = "warm_ben_${count.index}"
}
"""


def text_of(platform: Platform, job: str) -> str:
    return "\n".join(str(e["payload"].get("line", "")) for e in platform.events(job))


def test_an_apply_uses_the_processes_of_its_plan(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "Watched", WATCHED)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    job = platform.apply(manifest("Watched", "one"))["stackJob"]["metadata"]["id"]
    document = platform.wait_job(job)
    assert document["status"]["result"] == "succeeded", platform.explain(job)
    log = text_of(platform, job)
    # The engine looks every second whether that process lives, and may signal no other than itself.
    told = re.search(r"reattached=yes parent=(\d+) told=(\d+)", log)
    assert told and told[1] == told[2], log
    # Three began with the plan; an engine that starts its own would have one of them now.
    assert log.count("provider=/proc/") == 3, log
    wait_until(lambda: not platform.role("providers"), "the pool has ended with its job")


def test_two_configurations_of_one_provider_are_kept_apart(make_platform: Callable[..., Platform], postgres: Postgres, tmp_path: Path) -> None:
    for user in ("ann", "ben"):
        postgres.query(f"CREATE ROLE warm_{user} LOGIN CREATEDB PASSWORD '{user}-secret'")
    write_kind(tmp_path / "kinds", "TwoUsers", TWO_USERS)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    for databases in (2, 3):
        answer = platform.apply(manifest("TwoUsers", "both", port=postgres.port, databases=databases))
        job = answer["stackJob"]["metadata"]["id"]
        assert platform.wait_job(job)["status"]["result"] == "succeeded", platform.explain(job)
        owners = postgres.query("SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname LIKE 'warm%' ORDER BY 1")
        assert owners == [[f"warm_{user}_{i}", f"warm_{user}"] for user in ("ann", "ben") for i in range(databases)]
    gone = platform.create_job(answer["resource"]["metadata"]["id"], "destroy")["metadata"]["id"]
    assert platform.wait_job(gone)["status"]["result"] == "succeeded", platform.explain(gone)
    assert not postgres.query("SELECT datname FROM pg_database WHERE datname LIKE 'warm%'")


def test_they_end_with_the_engine_when_their_runner_is_killed(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    slow = WATCHED.replace("echo reattached", "sleep 3; echo reattached")
    write_kind(tmp_path / "kinds", "Slow", slow)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    job = platform.apply(manifest("Slow", "one"))["stackJob"]["metadata"]["id"]
    wait_until(lambda: any("sleep 3" in " ".join(p.argv) for p in platform.processes()), "the provisioner")
    assert platform.role("providers")
    for runner in platform.role("runner"):
        runner.kill()
    document = platform.wait_job(job)
    assert document["status"]["result"] == "succeeded", platform.explain(job)
    wait_until(lambda: not platform.role("providers"), "no pool without users")

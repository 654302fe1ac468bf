"""A module that wants out: what it leaves in its workspace leads the runner nowhere, and what the runner keeps beside it is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.kinds import manifest, write_kind
from harness.planton import Platform

SECRET = "the-content-of-a-file-of-the-hosts"

MODULE = """\
variable "metadata" {}
variable "spec" {}

resource "terraform_data" "shell" {
  provisioner "local-exec" {
    command = var.spec.command
  }
}
"""


@pytest.fixture
def confined(make_platform: Callable[..., Platform], tmp_path: Path) -> Callable[[str, str], tuple[Platform, str]]:
    write_kind(tmp_path / "kinds", "Shell", MODULE)
    platform = make_platform(catalogs=(tmp_path / "kinds",), PLANTON_ALLOW_WRITE=str(tmp_path / "nothing")).start()

    def run(name: str, command: str) -> tuple[Platform, str]:
        return platform, platform.apply(manifest("Shell", name, command=command))["stackJob"]["metadata"]["id"]

    return run


def test_a_link_in_the_place_of_the_state_that_could_not_be_saved(confined: Callable[[str, str], tuple[Platform, str]], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    platform, job = confined("link", f"ln -s {secret} errored.tfstate")
    platform.succeed(job)
    assert not any("erroredState" in str(o) for o in platform.job(job)["status"]["operations"])


def test_what_lies_beside_a_module(confined: Callable[[str, str], tuple[Platform, str]]) -> None:
    platform, job = confined("beside", """
        for f in owner ready aux; do mv ../$f ../taken && echo moved $f; done 2>/dev/null
        mv ../module ../elsewhere 2>/dev/null && echo moved module
        cat ../owner ../aux/*/stdout 2>/dev/null && echo read it
        mknod device c 0 0 2>/dev/null && echo made a device
        (: < /dev/ptmx) 2>/dev/null && echo opened a device
        head -c 1 /dev/urandom >/dev/null && echo lived through it
        """)
    platform.succeed(job)
    (runner,) = platform.api("GET", "/api/v1/runners")["items"]
    if not runner["info"]["sandbox"]["landlock"]:
        pytest.skip("this kernel has no Landlock")
    said = [e["payload"]["line"] for e in platform.events(job) if e["type"] == "log" and "(local-exec): " in e["payload"]["line"]]
    said = [line.split("(local-exec): ")[1] for line in said if "Executing" not in line]
    assert said == ["lived through it"], said


def test_output_without_end(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    """Not written, only made long: the limit is one of size."""
    write_kind(tmp_path / "kinds", "Shell", MODULE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    flood = platform.apply(manifest("Shell", "flood", command="truncate -s 1100M /proc/$PPID/fd/1; exec sleep 100"))["stackJob"]["metadata"]["id"]
    document = platform.wait_job(flood)
    assert document["status"]["result"] == "failed", platform.explain(flood)
    (failed,) = [o for o in document["status"]["operations"] if o.get("result") == "failed"]
    assert failed["errors"][0]["summary"] == "The engine printed more than 1 GiB", failed
    assert failed["errors"][0]["detail"] == "It was interrupted.", failed

"""A module that wants out: what it leaves in its workspace leads the runner nowhere, and what the runner keeps beside it is out of reach."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.kinds import manifest, write_kind
from harness.planton import BINARY, Platform, playground

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
    platform, job = confined("beside", f"""
        for f in owner ready aux; do mv ../$f ../taken && echo moved $f; done 2>/dev/null
        mv ../module ../elsewhere 2>/dev/null && echo moved module
        cat ../owner ../aux/*/stdout 2>/dev/null && echo read it
        cat /proc/{os.getpid()}/environ >/dev/null 2>&1 && echo read another process
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


WITHOUT_LANDLOCK = """\
#!{python}
import ctypes, os, struct, sys
ERRNO, ALLOW, ENOSYS = 0x50000, 0x7FFF0000, 38
# All three system calls of Landlock: 444 to 446.
code = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, ERRNO | ENOSYS), (0x06, 0, 0, ALLOW)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in code))
libc = ctypes.CDLL(None, use_errno=True)
header = struct.pack("HxxxxxxP", len(code), ctypes.addressof(program))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execv("{binary}", sys.argv)
"""


def test_a_kernel_without_landlock(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    launcher = tmp_path / "planton"
    launcher.write_text(WITHOUT_LANDLOCK.format(python=sys.executable, binary=BINARY))
    launcher.chmod(0o755)
    platform = make_platform()
    platform.binary = launcher
    platform.start()
    platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])
    (runner,) = platform.api("GET", "/api/v1/runners")["items"]
    assert runner["info"]["sandbox"]["landlock"] == 0
    assert "no Landlock" in runner["info"]["sandbox"]["warning"]
    for shape in ("yaml", "wide"):
        assert "no Landlock" in platform.cli("runner", "get", runner["id"], "-o", shape).out

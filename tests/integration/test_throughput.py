"""An engine that prints more than anybody reads: limits are applied and marked, and memory does not grow with it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from harness import planton
from harness.kinds import manifest, write_kind
from harness.memory import private_bytes
from harness.planton import TOP, Platform
from harness.processes import wait_until

RELEASE = TOP / "build" / "release" / "src" / "planton"
MIB = 1 << 20
GROWTH = 32 * MIB
LINES = 200_000

PRINTER = """\
variable "lines" {}

resource "terraform_data" "printer" {
  triggers_replace = [var.lines]

  provisioner "local-exec" {
    command = "seq -f 'line %.0f of an engine that has a lot to say' 1 ${var.lines}"
  }
}
"""

# What the real engine cannot be made to do: its apply first prints one line of 50 MB, then does its work.
LONG_LINE = """\
#!/bin/sh
if [ "$1" = apply ] && ! grep -q '"lines": *10[^0-9]' zz_planton.auto.tfvars.json; then
  printf 'BEGIN-OF-THE-LONG-LINE'
  head -c 52428800 /dev/zero | tr '\\0' x
  echo END-OF-THE-LONG-LINE
fi
exec {real} "$@"
"""

# 20,000 lines a second for 10 seconds. Not from a provisioner: OpenTofu breaks a line of one that comes slowly in two.
MANY = """\
#!/bin/sh
if [ "$1" = apply ] && ! grep -q '"lines": *10[^0-9]' zz_planton.auto.tfvars.json; then
  for second in $(seq 0 9); do
    for tenth in $(seq 0 9); do
      first=$((second * 20000 + tenth * 2000))
      seq -f 'line %.0f of an engine that has a lot to say' $((first + 1)) $((first + 2000))
      sleep 0.1
    done
  done
fi
exec {real} "$@"
"""

# Prints without end, at full speed, for more than an operation may.
FLOOD = """\
#!/bin/sh
if [ "$1" = apply ] && ! grep -q '"lines": *10[^0-9]' zz_planton.auto.tfvars.json; then
  yes 'a line of the flood, which goes on and on and on and on and on and on and on and on and on and on' | head -c 157286400
  echo THE-FLOOD-IS-OVER
fi
exec {real} "$@"
"""


class Watch:
    """The highest private memory of server and runner while it lasts, above what it was at the beginning."""

    def __init__(self, platform: Platform) -> None:
        assert platform.process
        self.pids = {"server": platform.process.pid, "runner": platform.role("runner")[0].pid}
        self.before = {name: private_bytes(pid) for name, pid in self.pids.items()}
        self.highest = dict(self.before)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._end.wait(0.05):
            for name, pid in self.pids.items():
                self.highest[name] = max(self.highest[name], private_bytes(pid))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def growth(self) -> dict[str, int]:
        return {name: self.highest[name] - self.before[name] for name in self.pids}


@pytest.fixture
def small_platform(make_platform: Callable[..., Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Platform]:
    """Of the release build: a sanitizer's memory is not the program's."""
    if not RELEASE.exists():
        pytest.skip("script/build release makes the binary that memory is measured on")
    monkeypatch.setattr(planton, "BINARY", RELEASE)

    def make(engine: str = "") -> Platform:
        write_kind(tmp_path / "kinds", "Printer", PRINTER)
        environment = {}
        if engine:
            real = os.environ["PLANTON_TOFU"]
            script = tmp_path / "tofu"
            script.write_text(engine.format(real=real))
            script.chmod(0o755)
            configuration = tmp_path / "tofu.rc"
            # A runner lets an engine read what its configuration names.
            configuration.write_text(f'# "{real}"\n' + Path(os.environ["TF_CLI_CONFIG_FILE"]).read_text())
            environment = {"PLANTON_TOFU": str(script), "TF_CLI_CONFIG_FILE": str(configuration)}
        platform = make_platform(catalogs=(tmp_path / "kinds",), **environment)
        platform.binary = RELEASE
        platform.start()
        # The first job warms up: allocators keep what they once had. The engines above do not print more than it asks for.
        platform.succeed(platform.apply(manifest("Printer", "warm", lines=10))["stackJob"]["metadata"]["id"])
        return platform

    return make


def stalled_watcher(platform: Platform, job: str) -> socket.socket:
    """Asks for the stream and never reads it."""
    address = urlsplit(platform.base)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((address.hostname, address.port))
    connection.sendall((f"GET /api/v1/stack-jobs/{job}/events HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {platform.token}\r\n"
                        "Accept: text/event-stream\r\n\r\n").encode())
    return connection


def log_of(platform: Platform, job: str, operation: str = "apply") -> bytes:
    response = platform.request("GET", f"/api/v1/stack-jobs/{job}/operations/{operation}/log")
    assert response.status_code == 200, response.text
    return response.content


def test_many_lines_and_watchers_that_stop_reading(small_platform: Callable[..., Platform]) -> None:
    platform = small_platform(MANY)
    with Watch(platform) as memory:
        job = platform.apply(manifest("Printer", "many", lines=1))["stackJob"]["metadata"]["id"]
        watchers = [stalled_watcher(platform, job) for _ in range(20)]
        document = platform.wait_job(job, timeout=180)
    for watcher in watchers:
        watcher.close()
    assert document["status"]["result"] == "succeeded", platform.job(job)["status"]
    lines = log_of(platform, job).split(b"\n")[:LINES]
    wrong = next((i for i, line in enumerate(lines) if line != b"line %d of an engine that has a lot to say" % (i + 1)), None)
    assert len(lines) == LINES and wrong is None, f"{len(lines)} lines, the first wrong one is {wrong}: {lines[wrong or 0]!r}"
    assert all(g < GROWTH for g in memory.growth.values()), {k: f"{v / MIB:.1f} MiB" for k, v in memory.growth.items()}


def test_one_line_of_50_megabytes(small_platform: Callable[..., Platform]) -> None:
    platform = small_platform(LONG_LINE)
    with Watch(platform) as memory:
        job = platform.apply(manifest("Printer", "long", lines=3))["stackJob"]["metadata"]["id"]
        document = platform.wait_job(job, timeout=180)
    assert document["status"]["result"] == "succeeded", platform.job(job)["status"]
    # Page by page: one such line is a page of its own.
    cut = [e for e in platform.events(job) if e["type"] == "log" and e["payload"].get("cut")]
    assert len(cut) == 1
    line = cut[0]["payload"]["line"]
    assert line.startswith("BEGIN-OF-THE-LONG-LINE") and MIB <= len(line) < 2 * MIB, len(line)
    assert b"line 3 of an engine" in log_of(platform, job), "what follows the long line is all there"
    assert all(g < GROWTH for g in memory.growth.values()), {k: f"{v / MIB:.1f} MiB" for k, v in memory.growth.items()}


def test_an_operation_prints_more_than_its_limit(small_platform: Callable[..., Platform]) -> None:
    platform = small_platform(FLOOD)
    with Watch(platform) as memory:
        job = platform.apply(manifest("Printer", "flood", lines=3))["stackJob"]["metadata"]["id"]
        document = platform.wait_job(job, timeout=240)
    assert document["status"]["result"] == "succeeded", platform.job(job)["status"]
    log = log_of(platform, job)
    assert 100_000_000 <= len(log) < 110 * MIB, len(log)
    assert b"limit" in log[-2000:] or b"cut" in log[-2000:], log[-500:]
    assert all(g < GROWTH for g in memory.growth.values()), {k: f"{v / MIB:.1f} MiB" for k, v in memory.growth.items()}


def test_a_watcher_that_stops_reading_costs_nothing(small_platform: Callable[..., Platform]) -> None:
    platform = small_platform()
    job = platform.apply(manifest("Printer", "one", lines=50_000))["stackJob"]["metadata"]["id"]
    platform.succeed(job)
    with Watch(platform) as memory:
        watchers = [stalled_watcher(platform, job) for _ in range(200)]
        # They are all served as far as they take anything: requests in between show that nobody waits for them.
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert platform.request("GET", "/readyz").status_code == 200
    assert memory.growth["server"] < GROWTH, f"{memory.growth['server'] / MIB:.1f} MiB for 200 of them"
    for watcher in watchers:
        watcher.close()
    wait_until(lambda: platform.request("GET", "/readyz").status_code == 200, "still ready")

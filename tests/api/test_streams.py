"""Long polls and live streams, against a runner of the test's own."""

from __future__ import annotations

import threading
import time
from typing import Any

from fake_runner import FakeRunner
from harness.planton import Platform, playground
from harness.processes import wait_until
from harness.sse import Stream

LINES = [b"plain", b"", b'\xff\xfe "quoted" \\ \x1b[1m\t', "Grüße".encode()]


def granted(server: Platform, runner: FakeRunner) -> tuple[str, dict[str, Any]]:
    job = server.apply(playground())["stackJob"]["metadata"]["id"]
    grant = runner.poll()["jobs"][0]
    assert grant["job"]["id"] == job
    return job, grant


def test_parked_poll_hears_of_a_job_at_once(server: Platform) -> None:
    runner, heard = FakeRunner(server), {}

    def poll() -> None:
        heard["answer"], heard["at"] = runner.poll(), time.monotonic()

    thread = threading.Thread(target=poll)
    thread.start()
    wait_until(lambda: "planton_http_parked 1" in server.request("GET", "/metrics").text, "the poll is parked")
    server.apply(playground())
    created = time.monotonic()
    thread.join()
    assert len(heard["answer"]["jobs"]) == 1
    assert heard["at"] - created < 0.25


def test_stream_is_the_stored_events_and_ends(server: Platform) -> None:
    runner = FakeRunner(server)
    job, grant = granted(server, runner)
    with Stream(server, job) as stream:
        runner.finish(grant, LINES)
        live = list(stream)
    assert live == server.events(job)
    assert [e["seq"] for e in live] == list(range(1, len(live) + 1))
    assert [e["payload"]["line"] for e in live if e["type"] == "log"] == [line.decode(errors="replace") for line in LINES]
    with Stream(server, job, after=3) as stream:
        assert list(stream) == live[3:]
    assert server.events(job, after=3) == live[3:]
    raw = server.request("GET", f"/api/v1/stack-jobs/{job}/operations/init/log").content
    assert raw == b"".join(line + b"\n" for line in LINES)
    only = server.api("GET", f"/api/v1/stack-jobs/{job}/events?type=log&operation=init&limit=2")
    assert [e["payload"]["line"] for e in only["items"]] == ["plain", ""] and only["nextCursor"] == str(only["items"][-1]["seq"])


def test_stream_without_follow_ends_at_what_is_stored(server: Platform) -> None:
    job = server.apply(playground())["stackJob"]["metadata"]["id"]
    with Stream(server, job, follow=False) as stream:
        assert [e["type"] for e in stream] == ["job_status"]


def test_a_large_log_arrives_whole(server: Platform) -> None:
    runner = FakeRunner(server)
    job, grant = granted(server, runner)
    lines = [f"{i} ".encode() + b"x" * (i % 300) for i in range(20_000)]
    assert runner.report(grant, lines).status_code == 200
    with Stream(server, job, follow=False) as stream:
        assert [e["payload"]["line"].encode() for e in stream if e["type"] == "log"] == lines
    assert server.request("GET", f"/api/v1/stack-jobs/{job}/operations/init/log").content.splitlines() == lines


def test_stop_ends_polls_and_streams(server: Platform) -> None:
    runner = FakeRunner(server)
    job = server.apply(playground())["stackJob"]["metadata"]["id"]
    runner.poll()
    parked = threading.Thread(target=lambda: runner._post("poll", runner.key, {"held": runner.held}))
    parked.start()
    with Stream(server, job) as stream:
        wait_until(lambda: "planton_http_parked 1" in server.request("GET", "/metrics").text, "the poll is parked")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3
        list(stream)
    parked.join()

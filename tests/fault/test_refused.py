"""Reports that are refused for good (by the server, or by a proxy before it) and a disk that takes nothing: the job fails, and says why."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from harness.planton import BINARY, Platform, playground
from harness.processes import wait_until

from .common import begin_gated, gated_kind


class Proxy:
    """Between a runner and its server; whatever refuse() likes is answered with 413, and alter() changes answers."""

    def __init__(self, target: str) -> None:
        self.refuse: Callable[[str, bytes], bool] = lambda path, body: False
        self.alter: Callable[[str, bytes], bytes] = lambda path, answer: answer
        self.refused = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if proxy.refuse(self.path, body):
                    proxy.refused += 1
                    status, headers, content = 413, [("Content-Type", "text/html")], b"<h1>Request Entity Too Large</h1>"
                else:
                    connection = http.client.HTTPConnection(target, timeout=60)
                    connection.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "host"})
                    answer = connection.getresponse()
                    content = proxy.alter(self.path, answer.read())
                    status, headers = answer.status, [h for h in answer.getheaders() if h[0].lower() not in ("content-length", "transfer-encoding", "connection")]
                    connection.close()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_LOCK = do_UNLOCK = forward

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def remote(make_platform: Callable[..., Platform], tmp_path: Path) -> Iterator[tuple[Platform, Proxy, Path]]:
    """A server, and a runner that reaches it by a proxy."""
    platform = make_platform("--no-runner", catalogs=(gated_kind(tmp_path / "kinds"),)).start()
    proxy = Proxy(platform.listen)
    folder = platform.root / "remote"
    log = (platform.root / "runner.log").open("ab")
    runner = subprocess.Popen(
        [str(BINARY), "runner", "--server", proxy.url, "--dir", str(folder)],
        env=platform.env() | {"PLANTON_TOKEN": platform.token}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=platform.root)
    wait_until(lambda: any(r["state"] == "online" for r in platform.api("GET", "/api/v1/runners")["items"]), "the runner registered")
    yield platform, proxy, folder
    runner.kill()
    runner.wait()
    proxy.server.shutdown()
    log.close()


def failed(platform: Platform, job: str) -> dict[str, Any]:
    status: dict[str, Any] = platform.wait_job(job, timeout=60)["status"]
    assert status["result"] == "failed", platform.explain(job)
    return status


@pytest.mark.parametrize("operation", ["refresh", "apply"])
def test_a_refused_report_fails_its_job_alone(remote: tuple[Platform, Proxy, Path], operation: str) -> None:
    platform, proxy, _ = remote
    marker = f'"operation":"{operation}","attempt"'.encode()
    proxy.refuse = lambda path, body: path.endswith("/report") and marker in body and b'"type":"log"' in body
    job = platform.apply(playground("refused"))["stackJob"]["metadata"]["id"]
    status = failed(platform, job)
    assert status["error"]["code"] == "operation_failed", status["error"]
    last = next(o for o in status["operations"] if o["operation"] == operation)
    assert last["result"] == "failed" and last["errors"][0]["summary"] == "The server refused what this attempt reported", last
    assert "413" in last["errors"][0]["detail"], last
    assert len(last["attempts"]) == 1 and proxy.refused == 1, last

    proxy.refuse = lambda path, body: False
    platform.succeed(platform.apply(playground("fine"))["stackJob"]["metadata"]["id"])


@pytest.mark.parametrize(("arrives", "operation"), [("/poll", "init"), ("/report", "refresh")])
def test_a_grant_that_cannot_be_used_fails_its_job(remote: tuple[Platform, Proxy, Path], arrives: str, operation: str) -> None:
    platform, proxy, _ = remote
    given: list[bytes] = []

    def alter(path: str, answer: bytes) -> bytes:
        if not path.endswith(arrives) or b'"sealed":"' not in answer:
            return answer
        given.append(answer)
        return answer.replace(b'"sealed":"', b'"sealed":"AAAA')

    proxy.alter = alter
    job = platform.apply(playground("unusable"))["stackJob"]["metadata"]["id"]
    status = failed(platform, job)
    assert status["error"]["code"] == "operation_failed", status["error"]
    assert "cannot be opened with this runner's key" in status["error"]["message"], status["error"]
    assert [o["operation"] for o in status["operations"] if o["result"] == "failed"] == [operation], status["operations"]
    assert len(given) == 1

    proxy.alter = lambda path, answer: answer
    platform.succeed(platform.apply(playground("fine"))["stackJob"]["metadata"]["id"])


def test_a_drop_is_for_one_lease_of_its_job(remote: tuple[Platform, Proxy, Path], tmp_path: Path) -> None:
    platform, proxy, _ = remote
    job, gate = begin_gated(platform, tmp_path)
    epoch = platform.job(job)["status"]["epoch"]
    dropped = 0

    def alter(path: str, answer: bytes) -> bytes:
        nonlocal dropped
        if not path.endswith("/poll"):
            return answer
        document = json.loads(answer)
        document["directives"].append({"job": job, "epoch": epoch - 1, "type": "drop"})
        dropped += 1
        return json.dumps(document).encode()

    proxy.alter = alter
    platform.succeed(platform.apply(playground("beside"))["stackJob"]["metadata"]["id"])
    assert dropped
    gate.touch()
    platform.succeed(job)


def test_nothing_is_started_that_could_not_be_found_again(remote: tuple[Platform, Proxy, Path]) -> None:
    platform, _, folder = remote
    os.rmdir(folder / "jobs")
    (folder / "jobs").write_text("a disk that takes nothing")
    job = platform.apply(playground("unstored"))["stackJob"]["metadata"]["id"]
    status = failed(platform, job)
    assert status["error"]["code"] == "operation_failed", status["error"]
    assert "nothing was started" in status["error"]["message"], status["error"]
    assert not platform.role("step")

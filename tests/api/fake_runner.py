"""A runner that says what a test wants said: the other end of /runner/v1."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import requests
from harness.planton import Platform


class FakeRunner:
    def __init__(self, platform: Platform, name: str = "fake", sandbox: dict[str, Any] | None = None) -> None:
        self.base = platform.base
        self.held: list[dict[str, Any]] = []
        answer = self._post("register", platform.token, {
            "name": name, "publicKey": base64.b64encode(os.urandom(32)).decode(), "version": "0", "labels": {}, "capacity": 4,
            "workRoot": str(platform.data / "work"), "bootId": "boot", "info": {"sandbox": sandbox or {}, "engines": []}, "held": []})
        assert answer.status_code == 200, answer.text
        self.key = str(answer.json()["key"])

    def _post(self, path: str, key: str, body: Any) -> requests.Response:
        return requests.post(f"{self.base}/runner/v1/{path}", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def poll(self) -> dict[str, Any]:
        answer = self._post("poll", self.key, {"held": self.held})
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        self.held += [{"job": g["job"]["id"], "epoch": g["epoch"]} for g in document["jobs"]]
        return document

    def report(self, grant: dict[str, Any], lines: list[bytes] | None = None, **more: Any) -> requests.Response:
        lines = lines or []
        operation = grant["attempt"]["operation"]
        size = sum(len(line) + 1 for line in lines)
        events = [{"type": "log", "time": now(), "operation": operation, "stream": "stdout", "lengths": [len(line) for line in lines], "cut": []}] if lines else []
        header = {
            "epoch": grant["epoch"], "operation": operation, "attempt": grant["attempt"]["number"], "cursor": {},
            "from": {"stdout": 0, "stderr": 0}, "to": {"stdout": size, "stderr": 0}, "events": events,
            "started": {"time": now(), "command": operation, "covers": [operation]}} | more
        return requests.post(
            f"{self.base}/runner/v1/jobs/{grant['job']['id']}/report", data=json.dumps(header).encode() + b"\n" + b"".join(lines),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-planton-report"}, timeout=30)

    def finish(self, grant: dict[str, Any], lines: list[bytes] | None = None) -> None:
        """Every operation of the job succeeds, the first with these lines."""
        while True:
            facts = {"command": grant["attempt"]["operation"], "hasChanges": True, "planDigest": "ab" * 32, "changes": {"create": 1}}
            ended = {"time": now(), "result": "succeeded", "exitCode": 0, "signal": 0, "errors": [], "operationEnds": True, "facts": facts}
            answer = self.report(grant, lines, ended=ended)
            assert answer.status_code == 200, answer.text
            following = answer.json()["next"]
            if following["type"] != "grant":
                assert following == {"type": "release", "status": "completed", "result": "succeeded"}
                return
            grant, lines = following["grant"], None


def now() -> int:
    return int(time.time() * 1000)

"""A server of its own for a test: data folder, configuration, key, embedded runner; and its CLI and API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from .processes import Process, processes_mentioning, wait_until

TOP = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("PLANTON_BINARY", TOP / "build" / "release" / "src" / "planton"))


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class ApiError(AssertionError):
    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"{response.status_code} {response.text}")
        self.status = response.status_code
        body = response.json() if response.content else {}
        self.error: dict[str, Any] = body.get("error", {})


@dataclass
class Platform:
    """One data folder and whatever serves it. Nothing of it outlives close()."""

    root: Path
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    binary: Path = BINARY
    listen: str = "127.0.0.1:0"
    process: subprocess.Popen[bytes] | None = None
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    def env(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PLANTON_TOFU", "TF_CLI_CONFIG_FILE", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
        return keep | {
            "HOME": str(self.root / "home"),
            "XDG_CONFIG_HOME": str(self.root / "config"),
            "PLANTON_TEST_ROOT": str(self.root),
        } | self.environment

    # ---- Processes ----

    def start(self, *arguments: str) -> Platform:
        (self.root / "home").mkdir(parents=True, exist_ok=True)
        command = [str(self.binary), "server", "--data", str(self.data), "--listen", self.listen, *self.arguments, *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root)
        self._base = ""
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        assert self.process

        def ready() -> bool:
            assert self.process
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')[-3000:]}")
            try:
                return requests.get(self.base + "/readyz", timeout=1).status_code == 200
            except (OSError, KeyError, requests.RequestException):
                return False

        wait_until(ready, "server ready")
        # Runners and engines that live through a restart know this address.
        self.listen = self.base.split("://", 1)[1]

    def context(self) -> dict[str, Any]:
        document = yaml.safe_load((self.root / "config" / "planton" / "config.yaml").read_text())
        return document["contexts"]["local"]

    @property
    def base(self) -> str:
        return str(self.context()["server"])

    @property
    def token(self) -> str:
        return Path(self.context()["tokenFile"]).read_text().strip()

    def kill_server(self, number: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def stop(self) -> None:
        self.kill_server(signal.SIGTERM)

    def restart(self, *arguments: str) -> Platform:
        self.kill_server()
        return self.start(*arguments)

    def processes(self) -> list[Process]:
        return list(processes_mentioning(str(self.root)))

    def role(self, name: str) -> list[Process]:
        """"server", "runner", "step", or "engine"."""
        if name == "engine":
            return [p for p in self.processes() if p.argv and Path(p.exe.removesuffix(" (deleted)")).name.startswith("tofu")]
        return [p for p in self.processes() if len(p.argv) > 1 and p.argv[1] == name and Path(p.argv[0]).name == BINARY.name]

    def close(self) -> None:
        self.kill_server()
        for _ in range(50):
            left = self.processes()
            if not left:
                return
            for process in left:
                process.kill()
            time.sleep(0.05)

    # ---- CLI ----

    def cli(self, *arguments: str, stdin: str | None = None, check: int | None = 0, env: dict[str, str] | None = None, timeout: float = 120) -> Result:
        done = subprocess.run([str(BINARY), *arguments], env=self.env() | (env or {}), input=stdin, capture_output=True, text=True, timeout=timeout, cwd=self.root, errors="replace", stdin=None if stdin is not None else subprocess.DEVNULL, check=False)
        if check is not None:
            assert done.returncode == check, f"planton {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Result(done.returncode, done.stdout, done.stderr)

    # ---- API ----

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:
        return self._session.request(method, self.base + path, json=body, headers={"Authorization": f"Bearer {self.token}"} | (headers or {}), timeout=60, **more)

    def api(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        response = self.request(method, path, body, headers)
        if response.status_code >= 400:
            raise ApiError(response)
        return response.json() if response.content else None

    def apply(self, manifest: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.api("POST", "/api/v1/apply", {"manifest": manifest} | more)

    def create_job(self, resource: str, operation: str, **more: Any) -> dict[str, Any]:
        return self.api("POST", "/api/v1/stack-jobs", {"cloudResource": resource, "operation": operation} | more)

    def job(self, job: str) -> dict[str, Any]:
        return self.api("GET", f"/api/v1/stack-jobs/{job}")

    def wait_job(self, job: str, status: str = "completed", timeout: float = 120) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            document = self.job(job)
            return document if document["status"]["status"] == status else None

        return wait_until(there, f"{job} {status}", timeout)  # type: ignore[return-value]

    def succeed(self, job: str) -> dict[str, Any]:
        document = self.wait_job(job)
        assert document["status"]["result"] == "succeeded", self.explain(job)
        return document

    def explain(self, job: str) -> str:
        log = "\n".join(str(e["payload"].get("line", e["payload"])) for e in self.events(job))
        return json.dumps(self.job(job)["status"], indent=1) + "\n" + log[-6000:]

    def events(self, job: str, after: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.api("GET", f"/api/v1/stack-jobs/{job}/events?after={after}&limit=500")
            found += page["items"]
            if not page["items"] or not page["nextCursor"]:
                return found
            after = page["items"][-1]["seq"]

    def state(self, resource: str) -> dict[str, Any]:
        return self.api("GET", f"/api/v1/cloud-resources/{resource}/state-versions/current")


def playground(name: str = "play", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "playground.planton.dev/v1",
        "kind": "Playground",
        "metadata": {"name": name, "org": "default", "env": "dev"},
        "spec": {"message": "hello"} | spec,
    }


def operations(job: dict[str, Any]) -> list[tuple[str, str]]:
    return [(o["operation"], o["result"]) for o in job["status"]["operations"]]


def job_id(text: str) -> str:
    found = re.search(r"sj_[0-9a-z]{26}", text)
    assert found, text
    return found.group(0)

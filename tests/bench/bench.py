"""How fast a job is, against the same engine's chain by hand; and what the server costs.

Ours and the bare engine run the same binary on the same module, in turns, in one run. See script/bench.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.kinds import manifest, write_kind
from harness.memory import private_bytes
from harness.planton import BINARY, TOP, Platform, playground
from harness.processes import wait_until
from harness.recorder import Launch, Recorder

BUILTIN = """\
# {number}
variable "message" {{
  type = string
}}

resource "terraform_data" "item" {{
  count = 10
  input = "${{var.message}} ${{count.index}}"
}}

output "items" {{
  value = terraform_data.item[*].output
}}
"""

PROVIDERS = """\
# {number}
terraform {{
  required_providers {{
    random = {{
      source = "hashicorp/random"
    }}
    tls = {{
      source = "hashicorp/tls"
    }}
    local = {{
      source = "hashicorp/local"
    }}
  }}
}}

variable "message" {{
  type = string
}}

variable "file" {{
  type = string
}}

resource "random_password" "this" {{
  length  = 24
  keepers = {{ message = var.message }}
}}

resource "tls_private_key" "this" {{
  algorithm = "ED25519"
}}

resource "local_file" "this" {{
  filename = var.file
  content  = var.message
}}

output "key" {{
  value = tls_private_key.this.public_key_openssh
}}
"""

CHAIN = """\
set -e
cd "$1"
"$TOFU" init -input=false -no-color >init.log
"$TOFU" plan -input=false -no-color -out=tfplan -json >plan.log
"$TOFU" show -no-color -json tfplan >plan.json
"$TOFU" apply -input=false -no-color -json tfplan >apply.log
"""


@dataclass
class Figure:
    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    aim: str = ""
    higher_is_better: bool = False

    @staticmethod
    def _text(values: list[float]) -> str:
        if not values:
            return ""
        middle = statistics.median(values)
        return f"{_number(middle)} ({_number(min(values))} to {_number(max(values))})" if len(values) > 1 else _number(middle)

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ours) / statistics.median(self.bare) if self.ours and self.bare else None

    def row(self) -> tuple[str, ...]:
        return (self.name, self.unit, self._text(self.ours), self._text(self.bare), "" if self.ratio is None else f"{self.ratio:.2f}", self.aim)

    def document(self) -> dict[str, Any]:
        return {
            "ours": round(statistics.median(self.ours), 3),
            "bare": round(statistics.median(self.bare), 3) if self.bare else None,
            "ratio": round(self.ratio, 3) if self.ratio is not None else None,
            "unit": self.unit,
        }


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


class Client:
    """Two connections that stay open, as a program's would: one for requests, one for a stream."""

    def __init__(self, platform: Platform) -> None:
        address = urlsplit(platform.base)
        assert address.hostname
        self.headers = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json"}
        self.requests = http.client.HTTPConnection(address.hostname, address.port, timeout=300)
        self.streams = http.client.HTTPConnection(address.hostname, address.port, timeout=300)
        for connection in (self.requests, self.streams):
            connection.connect()
            assert isinstance(connection.sock, socket.socket)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.requests.request("POST", path, json.dumps(body), self.headers)
        response = self.requests.getresponse()
        text = response.read()
        assert response.status < 400, text
        return json.loads(text)

    def apply(self, document: dict[str, Any]) -> str:
        job = self.post("/api/v1/apply", {"manifest": document})["stackJob"]
        return str(job["metadata"]["id"])

    def wait(self, job: str) -> str:
        """Reads the job's stream until its completed event; its result."""
        self.streams.request("GET", f"/api/v1/stack-jobs/{job}/events", headers=self.headers | {"Accept": "text/event-stream"})
        response = self.streams.getresponse()
        assert response.status == 200, response.read()
        result = ""
        while line := response.readline():
            if line.startswith(b"data:") and b'"job_status"' in line:
                event = json.loads(line[5:])
                if event["type"] == "job_status" and event["payload"]["status"] == "completed":
                    result = str(event["payload"]["result"])
                    break
        response.read()
        return result

    def run(self, document: dict[str, Any]) -> float:
        start = time.perf_counter()
        job = self.apply(document)
        result = self.wait(job)
        seconds = time.perf_counter() - start
        assert result == "succeeded", f"{job} {result}"
        return seconds

    def close(self) -> None:
        self.requests.close()
        self.streams.close()


class Bench:
    def __init__(self, root: Path, repetitions: int) -> None:
        self.root = root
        self.repetitions = repetitions
        self.figures: list[Figure] = []
        self.tofu = os.environ["PLANTON_TOFU"]
        self.files = Path(tempfile.mkdtemp(prefix="planton-bench-", dir="/dev/shm"))  # where a sandboxed engine may write, too
        self.chain = root / "chain.sh"
        self.chain.write_text(CHAIN)

    def figure(self, name: str, unit: str, aim: str = "", higher_is_better: bool = False) -> Figure:
        made = Figure(name, unit, aim=aim, higher_is_better=higher_is_better)
        self.figures.append(made)
        return made

    @contextmanager
    def platform(self, name: str, *arguments: str, catalogs: Iterable[Path] = (), environment: dict[str, str] | None = None) -> Iterator[Platform]:
        root = self.root / name
        root.mkdir()
        folders = [a for c in (TOP / "catalog", *catalogs) for a in ("--catalog", str(c))]
        platform = Platform(root, [*folders, *arguments], environment or {})
        try:
            platform.start()
            wait_until(lambda: any(r["state"] == "online" for r in platform.api("GET", "/api/v1/runners")["items"]) or "--no-runner" in arguments, "a runner")
            yield platform
        finally:
            platform.close()

    # ---- The chain by hand ----

    def environment(self) -> dict[str, str]:
        kept = {k: os.environ[k] for k in ("PATH", "TF_CLI_CONFIG_FILE") if k in os.environ}
        return kept | {"HOME": str(self.root), "TOFU": self.tofu, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}

    def hand_folder(self, name: str, module: str, **values: str) -> Path:
        folder = self.root / "hand" / name
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text(module)
        self.hand_values(folder, **values)
        return folder

    @staticmethod
    def hand_values(folder: Path, **values: str) -> None:
        (folder / "terraform.tfvars.json").write_text(json.dumps(values))

    def by_hand(self, folder: Path) -> float:
        start = time.perf_counter()
        subprocess.run(["/bin/sh", str(self.chain), str(folder)], env=self.environment(), check=True, stdin=subprocess.DEVNULL)
        return time.perf_counter() - start

    # ---- Measures ----

    def jobs(self) -> None:
        """First and repeated jobs, in turns with the chain by hand."""
        catalog = self.root / "catalog"
        modules = {"builtin": (BUILTIN, "10 terraform_data"), "providers": (PROVIDERS, "3 providers")}
        for name, (text, _) in modules.items():
            for i in range(-1, self.repetitions):
                write_kind(catalog, self.kind(name, i), text.format(number=i))
        with self.platform("jobs", catalogs=[catalog]) as platform:
            client = Client(platform)
            for name, (text, title) in modules.items():
                first = self.figure(f"first job, {title}", "ms", "ratio at most 1.0")
                repeated = self.figure(f"repeated job, {title}", "ms", "ratio at most 0.8")
                for i in range(-1, self.repetitions):  # the first turn warms up, and is not counted
                    self.one_turn(client, name, text, i, first, repeated)
                    say(f"{title}: {i + 1} of {self.repetitions}")
            client.close()

    @staticmethod
    def kind(name: str, number: int) -> str:
        return f"Bench{name.title()}{number + 1}"

    def one_turn(self, client: Client, name: str, text: str, i: int, first: Figure, repeated: Figure) -> None:
        more = {"file": str(self.files / f"ours{i}")} if name == "providers" else {}
        by_hand = {"file": str(self.files / f"bare{i}")} if name == "providers" else {}
        kind = self.kind(name, i)
        folder = self.hand_folder(kind, text.format(number=i), message="one", **by_hand)

        def ours(message: str, figure: Figure) -> None:
            seconds = client.run(manifest(kind, "bench", message=message, **more))
            if i >= 0:
                figure.ours.append(seconds * 1000)

        def bare(message: str, figure: Figure) -> None:
            self.hand_values(folder, message=message, **by_hand)
            seconds = self.by_hand(folder)
            if i >= 0:
                figure.bare.append(seconds * 1000)

        for message, figure in (("one", first), ("two", repeated)):
            turns: list[Callable[[str, Figure], None]] = [ours, bare]
            for turn in turns if i % 2 else reversed(turns):
                turn(message, figure)

    def throughput(self, jobs: int = 24) -> None:
        repetitions = max(1, self.repetitions // 4)
        catalog = self.root / "catalog-many"
        for i in range(repetitions):
            write_kind(catalog, f"Many{i}", BUILTIN.format(number=f"many {i}"))
            for k in range(jobs):
                write_kind(catalog, f"Own{i}X{k}", BUILTIN.format(number=f"own {i} {k}"))
        same = self.figure(f"{jobs} jobs of one module at 2 slots", "jobs/s", "ratio at least 1.0", True)
        own = self.figure(f"{jobs} jobs, each with a module of its own", "jobs/s", "", True)
        with self.platform("many", "--runner-capacity", "2", catalogs=[catalog]) as platform:
            client = Client(platform)
            for i in range(repetitions):
                turns: list[Callable[[], None]] = [
                    partial(self.many_of_ours, client, [manifest(f"Many{i}", f"m{k}", message="one") for k in range(jobs)], same),
                    partial(self.many_by_hand, f"many{i}", jobs, (same, own)),
                    partial(self.many_of_ours, client, [manifest(f"Own{i}X{k}", "own", message="one") for k in range(jobs)], own),
                ]
                for turn in turns if i % 2 else reversed(turns):
                    turn()
                say(f"throughput: {i + 1} of {repetitions}")
            client.close()

    @staticmethod
    def many_of_ours(client: Client, documents: list[dict[str, Any]], figure: Figure) -> None:
        start = time.perf_counter()
        created = [client.apply(d) for d in documents]
        assert all(client.wait(job) == "succeeded" for job in created)
        figure.ours.append(len(documents) / (time.perf_counter() - start))

    def many_by_hand(self, name: str, jobs: int, figures: Iterable[Figure]) -> None:
        folders = [self.hand_folder(f"{name}-{k}", BUILTIN.format(number=name), message="one") for k in range(jobs)]
        start = time.perf_counter()
        subprocess.run(["xargs", "-P2", "-n1", "/bin/sh", str(self.chain)], input="\n".join(map(str, folders)), text=True, env=self.environment(), check=True)
        for figure in figures:
            figure.bare.append(jobs / (time.perf_counter() - start))

    def server(self) -> None:
        fresh = self.figure("server start, new data folder (exec to readyz)", "ms")
        again = self.figure("server start, existing data folder", "ms")
        idle = self.figure("server private memory, idle", "MiB", "under 12")
        runner = self.figure("runner private memory, idle", "MiB")
        for i in range(min(5, self.repetitions)):
            root = self.root / f"start{i}"
            root.mkdir()
            platform = Platform(root, ["--catalog", str(TOP / "catalog")])
            (root / "home").mkdir()
            try:
                for figure in (fresh, again):
                    platform.listen = f"127.0.0.1:{free_port()}"
                    figure.ours.append(self.start_time(platform) * 1000)
                    if figure is fresh:
                        platform.stop()
                        platform.close()
                assert platform.process
                wait_until(partial(platform.role, "runner"), "the runner")
                time.sleep(1.0)  # idle is what it is when nothing has happened for a while
                idle.ours.append(private_bytes(platform.process.pid) / 2**20)
                runner.ours.append(private_bytes(platform.role("runner")[0].pid) / 2**20)
            finally:
                platform.close()

    @staticmethod
    def start_time(platform: Platform) -> float:
        address = platform.listen.rsplit(":", 1)
        start = time.perf_counter()
        with platform.log.open("ab") as log:
            platform.process = subprocess.Popen([str(BINARY), "server", "--data", str(platform.data), "--listen", platform.listen, *platform.arguments],
                                                env=platform.env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=platform.root)
        while time.perf_counter() - start < 30:
            try:
                connection = http.client.HTTPConnection(address[0], int(address[1]), timeout=5)
                connection.request("GET", "/readyz")
                ready = connection.getresponse().status == 200
                connection.close()
                if ready:
                    return time.perf_counter() - start
            except OSError:
                pass
            time.sleep(0.001)
        raise AssertionError("the server does not get ready")

    def queued(self, count: int = 1000) -> None:
        loaded = self.figure(f"server private memory, {count} queued jobs", "MiB")
        rate = self.figure("jobs created", "jobs/s", higher_is_better=True)
        with self.platform("queued", "--no-runner") as platform:
            client = Client(platform)
            start = time.perf_counter()
            for i in range(count):
                client.apply(playground(f"queued-{i}"))
            rate.ours.append(count / (time.perf_counter() - start))
            assert platform.process
            loaded.ours.append(private_bytes(platform.process.pid) / 2**20)
            client.close()

    def first_byte(self) -> None:
        """From before the POST to the first byte in the engine's output file; bare: from its spawn to the first byte."""
        figure = self.figure("submission to the engine's first byte", "ms")
        catalog = self.root / "catalog-byte"
        for i in range(self.repetitions):
            write_kind(catalog, f"Byte{i}", BUILTIN.format(number=f"byte {i}"))
        recorder = Recorder(self.root / "engine", self.tofu)
        seen: list[float] = []
        arrived = threading.Event()

        def watch(launch: Launch) -> None:
            assert launch.outputs
            fd = launch.outputs[0]
            deadline = time.perf_counter() + 20
            while os.fstat(fd).st_size == 0 and time.perf_counter() < deadline:
                time.sleep(0.0002)
            seen.append(time.perf_counter())
            arrived.set()

        def hook(launch: Launch) -> None:
            if launch.is_attempt and launch.outputs and not arrived.is_set():
                threading.Thread(target=watch, args=(launch,), daemon=True).start()

        try:
            with self.platform("byte", catalogs=[catalog], environment=recorder.environment) as platform:
                client = Client(platform)
                for i in range(self.repetitions):
                    recorder.hook = hook
                    arrived.clear()
                    start = time.perf_counter()
                    job = client.apply(manifest(f"Byte{i}", "byte", message="one"))
                    arrived.wait(30)
                    figure.ours.append((seen[-1] - start) * 1000)
                    client.wait(job)
                    folder = self.hand_folder(f"byte{i}", BUILTIN.format(number=f"byte {i}"), message="one")
                    arrived.clear()
                    with (folder / "init.log").open("wb") as out:
                        start = time.perf_counter()
                        subprocess.Popen([str(recorder.engine), "init", "-input=false", "-json"], cwd=folder, env=self.environment(), stdout=out, stderr=out).wait()
                    arrived.wait(30)
                    figure.bare.append((seen[-1] - start) * 1000)
                client.close()
        finally:
            recorder.hook = None
            recorder.close()

    def latency(self, lines: int = 100) -> None:
        """A line that a resource prints until a watcher has it; bare: until it stands in the engine's own output."""
        module = f"""\
variable "message" {{}}

resource "terraform_data" "clock" {{
  triggers_replace = [var.message]

  provisioner "local-exec" {{
    command = "i=0; while [ $i -lt {lines} ]; do echo at=$(date +%s%N); sleep 0.03; i=$((i+1)); done"
  }}
}}
"""
        catalog = self.root / "catalog-latency"
        write_kind(catalog, "Clock", module)
        figures = [(n, self.figure(f"log line to SSE, {n} watcher{'s' if n > 1 else ''}, median", "ms"), self.figure(f"log line to SSE, {n} watcher{'s' if n > 1 else ''}, 99th percentile", "ms")) for n in (1, 100)]
        bare = sorted(self.bare_latency(module))
        with self.platform("latency", catalogs=[catalog]) as platform:
            client = Client(platform)
            for watchers, middle, high in figures:
                job = client.apply(manifest("Clock", f"clock-{watchers}", message="go"))
                delays = sorted(watch_many(platform, job, watchers))
                assert len(delays) >= lines * watchers, f"{len(delays)} of {lines * watchers} lines arrived"
                middle.ours.append(statistics.median(delays) * 1000)
                middle.bare.append(statistics.median(bare) * 1000)
                high.ours.append(delays[int(len(delays) * 0.99)] * 1000)
                high.bare.append(bare[int(len(bare) * 0.99)] * 1000)
            client.close()

    def bare_latency(self, module: str) -> list[float]:
        folder = self.hand_folder("latency", module, message="go")
        environment = self.environment()
        subprocess.run([self.tofu, "init", "-input=false"], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        engine = subprocess.Popen([self.tofu, "apply", "-auto-approve", "-input=false", "-json"], cwd=folder, env=environment, stdout=subprocess.PIPE)
        assert engine.stdout
        delays = [now - at for line in engine.stdout if (now := time.time()) and (at := time_in(line))]
        engine.wait()
        return delays

    def close(self) -> None:
        shutil.rmtree(self.files, ignore_errors=True)

    # ---- Results ----

    def table(self) -> str:
        rows = [("measure", "unit", "ours: median (spread)", "bare: median (spread)", "ratio", "aim"), *(f.row() for f in self.figures if f.ours)]
        widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({f.name: f.document() for f in self.figures if f.ours}, indent=1) + "\n")


def time_in(line: bytes) -> float | None:
    """Not the line that shows the command, which has no digits there."""
    found = re.search(rb"at=(\d{19})", line)
    return int(found.group(1)) / 1e9 if found else None


def watch_many(platform: Platform, job: str, watchers: int) -> list[float]:
    """Each line's age when it arrived, of all watchers."""
    address = urlsplit(platform.base)
    request = (f"GET /api/v1/stack-jobs/{job}/events HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {platform.token}\r\n"
               "Accept: text/event-stream\r\nConnection: close\r\n\r\n").encode()
    delays: list[float] = []
    selector = selectors.DefaultSelector()
    rest: dict[int, bytes] = {}
    for _ in range(watchers):
        connection = socket.create_connection((address.hostname, address.port))
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ)
        rest[connection.fileno()] = b""
    deadline = time.monotonic() + 120
    while selector.get_map() and time.monotonic() < deadline:
        for key, _ in selector.select(1):
            data = key.fileobj.recv(65536)  # type: ignore[union-attr]
            now = time.time()
            if not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
                continue
            *whole, rest[key.fd] = (rest[key.fd] + data).split(b"\n")
            delays += [now - at for line in whole if (at := time_in(line))]
    return delays


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    measures = ("jobs", "throughput", "server", "queued", "first_byte", "latency")
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--repetitions", type=int, default=None)
    parser.add_argument("--only", choices=measures, action="append", help="may be repeated")
    parser.add_argument("--output", type=Path, default=TOP / "build" / "bench.json")
    parser.add_argument("--keep", action="store_true", help="leave the folders of the run")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="planton-bench-"))
    bench = Bench(root, options.repetitions or (4 if options.quick else 15))
    try:
        for measure in options.only or measures:
            getattr(bench, measure)()
    finally:
        bench.close()
        if options.keep:
            print(f"kept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    bench.write(options.output)
    print(bench.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())

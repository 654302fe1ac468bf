"""kill -9 of server, runner, step, engine and the pool of its providers, alone and in pairs, at init, plan, apply and between them, at random moments.

A round runs one job on a real PostgreSQL database, kills, brings everything up again, waits until the job is completed, and then
looks at the real things: psql, the engine's own output files, and a recorder of when each engine ran.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import requests
from harness.logs import compare_log
from harness.planton import TOP, ApiError, Platform
from harness.postgres import Postgres, database
from harness.processes import wait_until
from harness.recorder import Launch, Recorder

VICTIMS = ("server", "runner", "step", "engine", "providers")
PHASES = ("init", "plan", "apply", "between")
COMBINATIONS = [(victims, phase) for n in (1, 2) for victims in itertools.combinations(VICTIMS, n) for phase in PHASES]
SETTLE_SECONDS = 120.0
RESOURCES = 5


@dataclass
class Round:
    number: int
    seed: int
    victims: tuple[str, ...]
    phase: str
    action: str = ""
    hit: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    outcome: str = ""
    recovery: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        what = f"kill {'+'.join(self.victims)} at {self.phase}"
        did = f"hit {'+'.join(self.hit) or 'nothing'}"
        more = f"; {', '.join(self.recovery)}" if self.recovery else ""
        return f"round {self.number} (seed {self.seed}) {self.action}: {what}, {did}: {self.outcome}{more} ({self.seconds:.1f} s)" + "".join(
            f"\n    PROBLEM {p}" for p in self.problems)


def rounds(count: int, seed: int) -> list[Round]:
    """Every combination as often as any other, in an order that the seed decides."""
    order = random.Random(seed)
    found: list[Round] = []
    while len(found) < count:
        some = list(COMBINATIONS)
        order.shuffle(some)
        for victims, phase in some[: count - len(found)]:
            found.append(Round(len(found), order.randrange(1 << 31), victims, phase))
    return found


def kill(pid: int) -> bool:
    """By a descriptor, so never a stranger who got the number."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


class Matrix:
    """One platform and its PostgreSQL, used for many rounds."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.postgres = Postgres(root / "postgres")
        self.recorder = Recorder(root / "engine")
        self.platform = Platform(root / "p", ["--catalog", str(TOP / "catalog"), *arguments], self.recorder.environment)
        self.platform.root.mkdir()
        self.durations = {"init": 0.3, "plan": 0.8, "apply": 0.6}
        self.wanted: dict[str, dict[str, Any] | None] = {}  # resource name -> its spec; None: destroyed
        self.ids: dict[str, str] = {}
        self.platform.start()
        self.platform.apply(self.postgres.connection())

    def close(self) -> None:
        self.platform.close()
        self.recorder.close()
        self.postgres.close()

    # ---- What is killed, and when ----

    def kill_one(self, name: str, job: str, launch: Launch | None) -> bool:
        if name == "server":
            if not self.platform.process or self.platform.process.poll() is not None:
                return False
            self.platform.kill_server()
            return True
        if name == "runner":
            killed = [kill(p.pid) for p in self.platform.role("runner")]
            return any(killed)
        if name == "providers":
            killed = [kill(p.pid) for p in self.platform.role("providers") if f"/{job}/" in p.argv[2]]
            return any(killed)
        if launch is None or launch.ended is not None:
            alive = [a for a in self.recorder.of_job(job) if a.ended is None]
            if not alive:
                return False
            launch = alive[-1]
        pid = launch.step() if name == "step" else launch.pid
        return pid is not None and kill(pid)

    def fire(self, this: Round, job: str, launch: Launch | None, chance: random.Random) -> None:
        order = list(this.victims)
        chance.shuffle(order)
        # The engine goes first or at once with its step: without it, its pid is found no more.
        for i, name in enumerate(order):
            if i > 0:
                time.sleep(chance.choice((0.0, 0.0, chance.uniform(0, 0.1))))
            (this.hit if self.kill_one(name, job, launch) else this.missed).append(name)

    def attack(self, this: Round, before: int, chance: random.Random, create: Any) -> str:
        """Creates the job, waits for the moment, kills. Returns the job's id."""
        created, fired, finished = threading.Event(), threading.Event(), threading.Event()
        on_start = this.phase == "between" and bool({"step", "engine"} & set(this.victims))
        command = chance.choice(("init", "plan", "apply")) if this.phase == "between" else this.phase
        delay = chance.uniform(0, 0.08) if this.phase == "between" else chance.random() * self.durations[command]
        job_of: list[str] = []

        def hook(launch: Launch) -> None:
            # Before the engine's first instruction: step and wrapper are all that there is.
            if launch.command == command and launch.is_attempt and not fired.is_set() and launch.job:
                fired.set()
                created.wait(30)
                time.sleep(chance.choice((0.0, chance.uniform(0, 0.005))))
                self.fire(this, launch.job, launch, chance)
                finished.set()

        if on_start:
            self.recorder.hook = hook
        try:
            job_of.append(create())
            job = job_of[0]
            created.set()

            def moment() -> Any:
                if on_start:
                    return finished.is_set()
                launches = [a for a in self.recorder.launches[before:] if a.job == job and a.is_attempt]
                for launch in launches:
                    if launch.command == command and (this.phase != "between" or launch.ended is not None):
                        return launch
                return None

            found = None
            deadline = time.monotonic() + 30
            while not found and time.monotonic() < deadline:
                found = self.recorder.wait(moment, 0.25)
                if not found and not fired.is_set():
                    with contextlib.suppress(requests.ConnectionError):  # killed meanwhile
                        if self.platform.job(job)["status"]["status"] == "completed":
                            break
            if not on_start:
                if found:
                    time.sleep(delay)
                self.fire(this, job, found or None, chance)
            elif fired.is_set():
                finished.wait(30)
            else:
                this.missed += this.victims
            return job
        finally:
            self.recorder.hook = None

    # ---- One round ----

    def spec(self, name: str, chance: random.Random) -> dict[str, Any]:
        roles = [f"{name.replace('-', '_')}_g{i}" for i in range(chance.randrange(0, 4))]
        return {
            "connectionLimit": chance.randrange(1, 1000),
            "passwordVersion": str(chance.randrange(1000)),
            "grants": [{"role": r, "privileges": chance.sample(["CONNECT", "CREATE", "TEMPORARY"], chance.randrange(1, 4))} for r in roles],
        }

    def choose(self, this: Round, chance: random.Random) -> tuple[str, Any]:
        """What the job does. Returns the resource's name and what creates the job."""
        existing = [n for n, s in self.wanted.items() if s is not None]
        kind = chance.choice(("create", "create", "update", "update", "update", "destroy"))
        if len(existing) < 2 or (kind == "create" and len(existing) >= RESOURCES):
            kind = "create" if len(existing) < 2 else "destroy"
        name = f"r{this.number}" if kind == "create" else chance.choice(existing)
        this.action = f"{kind} {name}"
        if kind == "destroy":
            self.wanted[name] = None
            return name, lambda: self.platform.create_job(self.ids[name], "destroy")["metadata"]["id"]
        spec = self.spec(name, chance)
        self.wanted[name] = spec

        def apply() -> str:
            answer = self.platform.apply(database(name, **spec))
            self.ids[name] = answer["resource"]["metadata"]["id"]
            return str(answer["stackJob"]["metadata"]["id"])

        return name, apply

    def bring_up(self, this: Round, chance: random.Random) -> None:
        if not self.platform.process:
            time.sleep(chance.choice((0.0, chance.uniform(0, 1.5))))
            self.platform.start()
        # The server starts its runner again, later each time it is killed within a minute; a restart does so at once.
        deadline = time.monotonic() + 3
        while not self.platform.role("runner"):
            if time.monotonic() > deadline:
                self.platform.stop()
                self.platform.start()
                deadline = time.monotonic() + 30
            time.sleep(0.02)

    def settle(self, this: Round, job: str, seconds: float = SETTLE_SECONDS) -> dict[str, Any]:
        """Until it is completed, or has said for long enough why not."""
        deadline = time.monotonic() + seconds
        while True:
            document = self.platform.job(job)
            if document["status"]["status"] == "completed":
                return document
            if time.monotonic() > deadline:
                blocked = document["status"].get("blockedBy") or {}
                if not blocked.get("reason"):
                    this.problems.append(f"{job} is {document['status']['status']} after {seconds:.0f} s, and no reason is stated: {document['status']}")
                else:
                    this.recovery.append(f"held: {blocked['reason']}")
                return document
            time.sleep(0.05)

    def run(self, this: Round) -> None:
        chance = random.Random(this.seed)
        start = time.monotonic()
        before = len(self.recorder.launches)
        if this.phase in ("init", "between"):
            self.forget_inits()
        name, create = self.choose(this, chance)
        job = self.attack(this, before, chance, create)
        self.bring_up(this, chance)
        document = self.settle(this, job)
        status = document["status"]
        jobs = [job]
        this.outcome = str(status["result"]) + (f" ({status['error']['code']})" if status.get("error") else "")
        if status["result"] == "failed" and not status.get("error") and not any(o.get("errors") for o in status["operations"]):
            this.problems.append(f"{job} failed and says no reason")
        if set(this.hit) <= {"server", "runner"} and status["result"] != "succeeded":
            this.problems.append(f"{job} {this.outcome}: killing {this.hit} must not harm it: {self.platform.explain(job)[-3000:]}")
        wait_until(lambda: not self.recorder.alive(), "all engines ended", 60)
        self.check_objects(this, name, jobs, drop=True)
        if status["result"] != "succeeded":
            jobs += self.recover(this, name)
        self.check_world(this, name)
        self.check_states(this, name)
        for each in jobs:
            self.check_job(this, each)
        this.problems += self.recorder.problems
        self.recorder.problems.clear()
        if not {"step", "engine", "providers"} & set(this.hit):
            self.learn(before)
        for launch in self.recorder.launches[before:]:
            self.recorder.forget(launch)
        this.seconds = time.monotonic() - start

    def forget_inits(self) -> None:
        for path in self.platform.data.glob("**/cache/init/*"):
            shutil.rmtree(path, ignore_errors=True)

    def learn(self, before: int) -> None:
        """How long commands take when nobody kills them: moments are chosen from all of it."""
        for launch in self.recorder.launches[before:]:
            if launch.is_attempt and launch.ended:
                old = self.durations.get(launch.command, 0.5)
                self.durations[launch.command] = old * 0.8 + min(launch.ended - launch.started, 5.0) * 0.2

    # ---- Recovery, as the product asks for it ----

    def recover(self, this: Round, name: str) -> list[str]:
        """A refresh where the resource is held for one, then the update (or destroy) again: that must succeed."""
        jobs: list[str] = []
        wanted = self.wanted[name]
        operations = ["refresh", "destroy" if wanted is None else "update"]
        self.reopen(this, name)
        for operation in operations:
            try:
                job = self.platform.create_job(self.ids[name], operation)["metadata"]["id"]
            except ApiError as refusal:
                this.problems.append(f"{operation} refused: {refusal}")
                break
            jobs.append(job)
            document = self.settle(this, job, 60)
            if document["status"]["status"] != "completed":
                self.abandon(this)
                document = self.settle(this, job, 60)
            this.recovery.append(f"{operation} {document['status']['result']}")
            if document["status"]["result"] != "succeeded":
                this.problems.append(f"recovery by {operation}: {self.platform.explain(job)[-4000:]}")
                break
        return jobs

    def reopen(self, this: Round, name: str) -> None:
        """The provider closes a database before it drops it, and cannot read one that is closed: that is for an operator to undo."""
        base = name.replace("-", "_")
        if self.postgres.query(f"SELECT 1 FROM pg_database WHERE datname = '{base}' AND NOT datallowconn"):
            self.postgres.query(f'ALTER DATABASE "{base}" ALLOW_CONNECTIONS true')
            this.recovery.append(f"{base} was half dropped and is opened again")

    def abandon(self, this: Round) -> None:
        for runner in self.platform.api("GET", "/api/v1/runners")["items"]:
            identity = runner["id"]
            self.platform.request("POST", f"/api/v1/runners/{identity}/abandon", {"reason": "fault matrix", "confirm": True})
        this.recovery.append("abandoned the runner")

    # ---- What must be true ----

    def objects(self, name: str) -> dict[str, str]:
        """Address in the module -> object that exists in PostgreSQL."""
        base = name.replace("-", "_")
        found: dict[str, str] = {}
        if self.postgres.query(f"SELECT 1 FROM pg_database WHERE datname = '{base}'"):
            found["postgresql_database.this"] = base
        for (role,) in self.postgres.query(f"SELECT rolname FROM pg_roles WHERE rolname = '{base}_owner' OR rolname ~ '^{base}_g[0-9]$'"):
            found["postgresql_role.owner" if role.endswith("_owner") else f'postgresql_role.granted["{role}"]'] = role
        return found

    def state_addresses(self, name: str) -> set[str]:
        try:
            state = self.platform.state(self.ids[name])
        except ApiError as error:
            if error.status == 404:
                return set()
            raise
        found: set[str] = set()
        for resource in state.get("resources", []):
            for instance in resource["instances"]:
                key = instance.get("index_key")
                suffix = "" if key is None else f"[{key}]" if isinstance(key, int) else f'["{key}"]'
                found.add(f"{resource['type']}.{resource['name']}{suffix}")
        return found

    def check_objects(self, this: Round, name: str, jobs: Iterable[str], drop: bool) -> None:
        """Whatever exists is in the state or was listed; then the operator of this test drops what only is listed."""
        listed = {str(a.get("address")): a for j in jobs for a in self.platform.job(j)["status"].get("adoptions") or []}
        state = self.state_addresses(name)
        orphans = {a: o for a, o in self.objects(name).items() if a not in state}
        for address, thing in orphans.items():
            if address not in listed:
                this.problems.append(f"{thing} exists and is neither in the state nor listed: {address} not in {sorted(state)} nor {sorted(listed)}")
            else:
                this.recovery.append(f"{address} is listed")
        if drop and orphans:
            base = name.replace("-", "_")
            if "postgresql_database.this" in orphans:
                self.postgres.query(f'DROP DATABASE "{base}"')
            for address, role in orphans.items():
                if address.startswith("postgresql_role"):
                    for (each,) in self.postgres.query("SELECT datname FROM pg_database WHERE datallowconn"):
                        self.postgres.query(f'REASSIGN OWNED BY "{role}" TO postgres; DROP OWNED BY "{role}"', database=each)
                    self.postgres.query(f'DROP ROLE "{role}"')

    def check_world(self, this: Round, name: str) -> None:
        wanted = self.wanted[name]
        base = name.replace("-", "_")
        found = self.postgres.query(f"SELECT r.rolname, d.datconnlimit FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = '{base}'")
        expected = [] if wanted is None else [[f"{base}_owner", str(wanted["connectionLimit"])]]
        if found != expected:
            this.problems.append(f"database {base}: psql says {found}, the spec says {expected}")
        roles = sorted(self.objects(name).values())
        should = [] if wanted is None else sorted([base, f"{base}_owner", *(g["role"] for g in wanted["grants"])])
        if roles != should:
            this.problems.append(f"{base}: psql says {roles}, the spec says {should}")
        if wanted is None:
            left = self.state_addresses(name)
            if left:
                this.problems.append(f"{base} is destroyed, and its state still has {sorted(left)}")
        else:
            outputs = self.platform.api("GET", f"/api/v1/cloud-resources/{self.ids[name]}/outputs?showSensitive=true")["outputs"]
            try:
                self.postgres.query("SELECT 1", database=base, user=f"{base}_owner", password=outputs["password"]["value"])
            except (AssertionError, KeyError) as error:
                this.problems.append(f"{base}: its owner cannot log in with the output's password: {error}")

    def check_states(self, this: Round, name: str) -> None:
        versions = self.platform.api("GET", f"/api/v1/cloud-resources/{self.ids[name]}/state-versions?limit=500")["items"]
        serials = [v["serial"] for v in versions]
        if serials != sorted(set(serials), reverse=True):
            this.problems.append(f"state versions of {name}, newest first, have serials {serials}")

    def check_job(self, this: Round, job: str) -> None:
        events = self.platform.events(job)
        numbers = [e["seq"] for e in events]
        if numbers != list(range(1, len(numbers) + 1)):
            this.problems.append(f"{job}: the events' numbers have gaps: {numbers}")
        launches = [a for a in self.recorder.of_job(job) if a.is_attempt]
        this.problems += [f"{job}: log: {p}" for p in compare_log(events, launches)]


# ---- The command ----

def play(root: str, chosen: list[Round], on_round: Any = None) -> list[Round]:
    matrix = Matrix(Path(root))
    done: list[Round] = []
    try:
        for this in chosen:
            try:
                matrix.run(this)
            except Exception:  # noqa: BLE001 (whatever it is, it is this round's problem)
                this.problems.append(traceback.format_exc())
            done.append(this)
            print(this, flush=True)
            if on_round:
                on_round(this)
            if any("Traceback" in p for p in this.problems):
                # Its remains must not decide the next ones.
                matrix.close()
                root = f"{root}x"
                matrix = Matrix(Path(root))
    finally:
        matrix.close()
    return done


def table(done: list[Round]) -> str:
    rows: dict[tuple[tuple[str, ...], str], list[Round]] = defaultdict(list)
    for this in done:
        rows[this.victims, this.phase].append(this)
    lines = [f"{'killed':<18} {'at':<8} {'rounds':>6} {'hit':>4} {'succeeded':>9} {'failed':>6} {'held':>4} {'listed':>6} {'problems':>8}"]
    total = [0] * 7
    for victims, phase in COMBINATIONS:
        some = rows.get((victims, phase), [])
        figures = [
            len(some),
            sum(set(r.hit) == set(victims) for r in some),
            sum(r.outcome.startswith("succeeded") for r in some),
            sum(r.outcome.startswith("failed") for r in some),
            sum(any(t.startswith("held") for t in r.recovery) for r in some),
            sum(sum(t.endswith("is listed") for t in r.recovery) for r in some),
            sum(len(r.problems) for r in some),
        ]
        total = [a + b for a, b in zip(total, figures, strict=True)]
        if some:
            lines.append(_row("+".join(victims), phase, figures))
    return "\n".join([*lines, _row("all", "", total)])


def _row(who: str, phase: str, figures: list[int]) -> str:
    return f"{who:<18} {phase:<8} " + " ".join(f"{n:>{w}}" for n, w in zip(figures, (6, 4, 9, 6, 4, 6, 8), strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/fault", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="printed, so that a run can be repeated")
    parser.add_argument("--only", metavar="VICTIMS@PHASE", help="such as runner+engine@apply")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1)), help="platforms side by side")
    parser.add_argument("--keep", action="store_true", help="leave the folders of the run")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}, {options.rounds} rounds", flush=True)
    if options.only:
        victims, _, phase = options.only.partition("@")
        COMBINATIONS[:] = [c for c in COMBINATIONS if c[0] == tuple(victims.split("+")) and phase in ("", c[1])]
        assert COMBINATIONS, f"no such combination: {options.only}"
    chosen = rounds(options.rounds, seed)
    folder = Path(tempfile.mkdtemp(prefix="planton-fault-"))
    folder.chmod(0o711)  # PostgreSQL's own user must get through
    done: list[Round] = []
    try:
        with ProcessPoolExecutor(options.workers) as pool:
            for future in as_completed([pool.submit(play, str(folder / f"w{i}"), chosen[i :: options.workers]) for i in range(options.workers)]):
                done += future.result()
    finally:
        if options.keep:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(table(done))
    for this in done:
        if this.problems:
            print(this)
    bad = sum(bool(r.problems) for r in done)
    print(f"{len(done)} rounds, {bad} with problems, seed {seed}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

"""The engine's binary is missing, comes, goes or is replaced while a runner and its jobs are at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.planton import Platform, playground
from harness.processes import wait_until

from .common import begin_gated, gated_kind

OTHER = "1.99.3"


class Binary:
    """Where a platform looks for its engine, and what is there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "tofu"
        self.real = os.environ["PLANTON_TOFU"]
        # A runner lets an engine read what its configuration names.
        configuration = folder / "tofu.rc"
        configuration.write_text(f'# "{self.real}"\n' + Path(os.environ["TF_CLI_CONFIG_FILE"]).read_text())
        self.environment = {"PLANTON_TOFU": str(self.path), "TF_CLI_CONFIG_FILE": str(configuration)}

    def install(self, version: str | None = None) -> None:
        """The real one, which says that it is of another version when that is given."""
        new = self.path.with_suffix(".new")
        says = f"[ \"$1\" = version ] && exec echo '{{\"terraform_version\": \"{version}\"}}'\n" if version else ""
        new.write_text(f"#!/bin/sh\n{says}exec {self.real} \"$@\"\n")
        new.chmod(0o755)
        new.rename(self.path)

    def remove(self) -> None:
        self.path.unlink()


@pytest.fixture
def binary(tmp_path: Path) -> Binary:
    return Binary(tmp_path / "bin")


def runner(platform: Platform) -> dict[str, Any]:
    items = platform.api("GET", "/api/v1/runners")["items"]
    return items[0] if items else {"state": "none", "problem": None, "info": {"engines": []}}


def versions(job: dict[str, Any]) -> dict[str, set[str]]:
    return {o["operation"]: {a["facts"]["engine"]["version"] for a in o["attempts"]} for o in job["status"]["operations"] if o["attempts"]}


def until_applying(make_platform: Callable[..., Platform], binary: Binary, folder: Path) -> tuple[Platform, str, Path]:
    """The platform, its job in the middle of an apply, and what ends that."""
    platform = make_platform(catalogs=(gated_kind(folder / "kinds"),), **binary.environment).start()
    return platform, *begin_gated(platform, folder)


def restart_runner(platform: Platform) -> None:
    (old,) = platform.role("runner")
    old.kill()
    wait_until(lambda: any(p.pid != old.pid for p in platform.role("runner")), "a new runner")


def test_a_runner_without_an_engine_says_so_until_it_has_one(make_platform: Callable[..., Platform], binary: Binary) -> None:
    platform = make_platform(**binary.environment).start()
    wait_until(lambda: runner(platform)["problem"], "the runner says what it lacks")
    assert runner(platform)["state"] == "online" and runner(platform)["info"]["engines"] == []
    job = platform.apply(playground("early"))["stackJob"]["metadata"]["id"]
    reason = platform.job(job)["status"]["blockedBy"]["reason"]
    assert "has no engine: no OpenTofu" in reason and str(binary.path) in reason

    binary.path.write_text("#!/bin/sh\necho nonsense\n")
    binary.path.chmod(0o755)
    wait_until(lambda: "names no version" in str(runner(platform)["problem"]), "the runner says what is wrong with it", 60)
    binary.install()
    platform.succeed(job)
    assert runner(platform)["problem"] is None and len(runner(platform)["info"]["engines"]) == 1
    assert platform.job(job)["status"]["operations"][0]["attempts"][0]["number"] == 1


def test_what_runs_outlives_a_runner_and_its_engine(make_platform: Callable[..., Platform], binary: Binary, tmp_path: Path) -> None:
    binary.install()
    platform, job, gate = until_applying(make_platform, binary, tmp_path)
    binary.remove()
    restart_runner(platform)
    wait_until(lambda: runner(platform)["problem"], "the new runner says what it lacks")
    gate.touch()
    document = platform.succeed(job)
    apply = next(o for o in document["status"]["operations"] if o["operation"] == "apply")
    assert len(apply["attempts"]) == 1 and versions(document)["apply"] == versions(document)["init"]

    later = platform.apply(playground("later"))["stackJob"]["metadata"]["id"]
    assert "has no engine" in platform.job(later)["status"]["blockedBy"]["reason"]
    binary.install()
    platform.succeed(later)


def test_a_job_says_which_version_really_ran(make_platform: Callable[..., Platform], binary: Binary, tmp_path: Path) -> None:
    binary.install()
    platform, job, gate = until_applying(make_platform, binary, tmp_path)
    before = platform.job(job)
    (real,) = versions(before | {"status": {"operations": before["status"]["operations"][:1]}})["init"]
    binary.install(OTHER)
    restart_runner(platform)
    wait_until(lambda: [e["version"] for e in runner(platform)["info"]["engines"]] == [OTHER], "the new one is found")
    gate.touch()
    assert set().union(*versions(platform.succeed(job)).values()) == {real}

    other = platform.succeed(platform.apply(playground("other"))["stackJob"]["metadata"]["id"])
    assert set().union(*versions(other).values()) == {OTHER}
    binary.install()
    again = platform.succeed(platform.apply(playground("again"))["stackJob"]["metadata"]["id"])
    assert set().union(*versions(again).values()) == {real}

"""A data folder that is moved: the embedded runner goes along, unless a job's plan holds it back."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from harness.planton import Platform, playground
from harness.processes import wait_until

PAUSE = {"flowControl": {"pauseBetweenPreviewAndUpdateOrDestroy": True}}


def end_runner(platform: Platform) -> None:
    for runner in platform.role("runner"):
        runner.kill()
    wait_until(lambda: not platform.role("runner"), "the runner is gone")


def move(platform: Platform) -> Platform:
    target = platform.root / "elsewhere"
    shutil.move(platform.data, target)
    return platform.start("--data", str(target))


def apply(platform: Platform, name: str, **more: object) -> str:
    return str(platform.apply(playground(name) | more)["stackJob"]["metadata"]["id"])


def test_the_next_job_runs_in_a_moved_folder(platform: Platform) -> None:
    platform.succeed(apply(platform, "before"))
    platform.stop()
    end_runner(platform)
    move(platform)
    platform.succeed(apply(platform, "after"))
    platform.succeed(platform.create_job("before", "destroy")["metadata"]["id"])
    assert not (platform.root / "data").exists()


def test_a_runner_at_work_in_a_moved_folder_is_replaced(platform: Platform) -> None:
    platform.succeed(apply(platform, "before"))
    platform.stop()
    move(platform)
    platform.succeed(apply(platform, "after"))
    assert not (platform.root / "data").exists()


def test_a_shown_plan_holds_the_runner_back(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform("--lease", "1s").start()
    paused = apply(platform, "paused", placement=PAUSE)
    platform.wait_job(paused, "awaiting_approval")
    platform.stop()
    end_runner(platform)
    move(platform)
    log = platform.root / "elsewhere" / "runner" / "log"
    wait_until(lambda: f"1 stack jobs depend on the former: {paused}" in log.read_text(), "the runner says why")
    platform.api("POST", f"/api/v1/stack-jobs/{paused}/cancel", {})
    platform.succeed(apply(platform, "after"))

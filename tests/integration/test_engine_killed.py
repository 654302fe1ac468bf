"""An engine that somebody else kills: reading is tried once more, with the reason in the stream; a change is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.planton import Platform, operations, playground

KILLED = "The engine was ended by signal 9 (Killed)"


class DyingEngine:
    """The real one, whose first launches of a command end by SIGKILL."""

    def __init__(self, folder: Path, command: str, times: int) -> None:
        self.deaths = folder / "deaths"
        self.deaths.mkdir()
        script, configuration, real = folder / "tofu", folder / "cli.tfrc", os.environ["PLANTON_TOFU"]
        script.write_text(f"""#!/bin/sh
[ "$1" = {command} ] && for n in $(seq {times}); do mkdir '{self.deaths}'/$n 2>/dev/null && kill -9 $$; done
exec '{real}' "$@"
""")
        script.chmod(0o755)
        # The sandbox lets an engine read what its configuration names.
        configuration.write_text(f'# "{real}"\n' + Path(os.environ["TF_CLI_CONFIG_FILE"]).read_text())
        self.environment = {"PLANTON_TOFU": str(script), "TF_CLI_CONFIG_FILE": str(configuration)}

    @property
    def died(self) -> int:
        return len(list(self.deaths.iterdir()))


def reasons(platform: Platform, job: str) -> list[Any]:
    return [e["payload"]["reason"] for e in platform.events(job) if e["type"] == "operation_status" and e["payload"]["status"] == "queued" and "reason" in e["payload"]]


@pytest.mark.parametrize("command", ["init", "plan"])
def test_reading_is_tried_once_more(make_platform: Callable[..., Platform], tmp_path: Path, command: str) -> None:
    engine = DyingEngine(tmp_path, command, 1)
    platform = make_platform(**engine.environment).start()
    job = platform.apply(playground())["stackJob"]["metadata"]["id"]
    document = platform.succeed(job)
    assert engine.died == 1
    assert reasons(platform, job) == [KILLED]
    assert [r for _, r in operations(document)] == ["succeeded"] * 4
    assert "again: " + KILLED in platform.cli("sj", "logs", job).out


def test_reading_is_not_tried_a_third_time(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    engine = DyingEngine(tmp_path, "plan", 5)
    platform = make_platform(**engine.environment).start()
    document = platform.wait_job(platform.apply(playground())["stackJob"]["metadata"]["id"])
    assert document["status"]["error"]["code"] == "engine_killed"
    assert engine.died == 2


def test_a_change_is_not_tried_again(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    engine = DyingEngine(tmp_path, "apply", 5)
    platform = make_platform(**engine.environment).start()
    document = platform.wait_job(platform.apply(playground())["stackJob"]["metadata"]["id"])
    assert document["status"]["error"]["code"] == "engine_killed"
    assert engine.died == 1

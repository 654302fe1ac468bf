"""A folder of manifests that refer to each other's outputs: what refers waits for what it refers to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from harness.planton import Platform, playground

SOURCE = {"valueFrom": {"kind": "Playground", "name": "a-source", "fieldPath": "status.outputs.message"}}


def write(folder: Path, message: str, **source: Any) -> str:
    folder.mkdir(exist_ok=True)
    # The name of the file is not what gives the order.
    (folder / "1.yaml").write_text(yaml.safe_dump(playground("user", message=SOURCE)))
    (folder / "2.yaml").write_text(yaml.safe_dump(playground("a-source", message=message, sleepSeconds=2) | source))
    return str(folder)


def output(platform: Platform, name: str) -> Any:
    return json.loads(platform.cli("output", name, "-o", "json").out)["message"]["value"]


def test_a_folder_is_applied_in_the_order_of_references(platform: Platform, tmp_path: Path) -> None:
    platform.cli("apply", "-f", write(tmp_path / "m", "first"), "--tail")
    assert output(platform, "user") == "first"


def test_an_update_gets_the_outputs_of_an_earlier_one(platform: Platform, tmp_path: Path) -> None:
    folder = write(tmp_path / "m", "first")
    platform.cli("apply", "-f", f"{folder}/2.yaml", "--tail")
    platform.cli("apply", "-f", f"{folder}/1.yaml", "--tail")
    platform.cli("apply", "-f", write(tmp_path / "m", "second"))
    # Only the source changed; what refers to it is run by hand, at once.
    platform.cli("sj", "create-stack-job", "user", "--operation", "update", "--tail")
    assert output(platform, "user") == "second"


def test_a_tail_ends_at_the_approval_that_the_others_wait_for(platform: Platform, tmp_path: Path) -> None:
    pause = {"placement": {"flowControl": {"pauseBetweenPreviewAndUpdateOrDestroy": True}}}
    folder = write(tmp_path / "m", "first", **pause)
    (tmp_path / "m" / "0.yaml").write_text(yaml.safe_dump(playground("another", message={"valueFrom": {"kind": "Playground", "name": "user"}})))
    tail = platform.cli("apply", "-f", folder, "--tail", check=10)
    assert "Playground/user waits: it refers to outputs of Playground/a-source" in tail.err
    assert "Playground/another waits: it refers to outputs of Playground/user" in tail.err
    jobs = {job["spec"]["slug"]: job for job in platform.api("GET", "/api/v1/stack-jobs")["items"]}
    assert jobs["user"]["status"]["status"] == "queued"
    platform.api("POST", f"/api/v1/stack-jobs/{jobs['a-source']['metadata']['id']}/resume", {})
    platform.succeed(jobs["another"]["metadata"]["id"])
    assert output(platform, "another") == "first"

"""An organization or environment that does not exist is an error wherever one may be named, never an empty list."""

from __future__ import annotations

import pytest
from harness.planton import Platform

ORG_LISTS = ["environments", "connections", "cloud-resources", "stack-jobs"]
ENV_LISTS = ["cloud-resources", "stack-jobs"]


def refused(server: Platform, path: str, field: str, message: str) -> None:
    answer = server.request("GET", f"/api/v1/{path}")
    assert answer.status_code == 404, answer.text
    error = answer.json()["error"]
    assert error.get("field") == field and message in error["message"], error


def test_lists_name_what_does_not_exist(server: Platform) -> None:
    for path in ORG_LISTS:
        refused(server, f"{path}?org=nowhere", "org", "there is no Organization nowhere")
    for path in ENV_LISTS:
        refused(server, f"{path}?org=default&env=def", "env", "there is no Environment def in default")
        refused(server, f"{path}?env=nowhere", "env", "there is no Environment nowhere")
        assert server.api("GET", f"/api/v1/{path}?org=default&env=dev")["items"] == []


@pytest.mark.parametrize("command", [["list"], ["sj", "list"], ["sj", "preflight-checks", "--cloud-resource-kind", "Playground"]])
def test_the_command_line_says_so(server: Platform, command: list[str]) -> None:
    done = server.cli(*command, "--env", "devv", check=6)
    assert "there is no Environment devv in default" in done.err and "did you mean dev?" in done.err
    assert not done.out

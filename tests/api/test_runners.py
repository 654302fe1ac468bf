"""Runners as people see them."""

from __future__ import annotations

from typing import Any

import pytest
from fake_runner import FakeRunner
from harness.planton import Platform


@pytest.mark.parametrize(("sandbox", "said"), [
    ({"landlock": 7}, "Landlock ABI 7"),
    ({"landlock": 0, "warning": "this kernel has none"}, "this kernel has none"),
    ({}, "not known"),
])
def test_a_runner_says_what_its_kernel_gives(server: Platform, sandbox: dict[str, Any], said: str) -> None:
    FakeRunner(server, sandbox=sandbox)
    (runner,) = server.api("GET", "/api/v1/runners")["items"]
    for arguments in ((), ("-o", "wide")):
        assert f"\nsandbox  {said}\n" in server.cli("runner", "get", runner["id"], *arguments).out
    assert server.cli("runner", "get", runner["id"], "-o", "name").out == runner["id"] + "\n"

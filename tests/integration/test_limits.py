"""Sizes that a user controls: past the limit comes an error that names it, and nothing breaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.kinds import manifest, write_kind
from harness.planton import ApiError, Platform, playground

STATE = """\
variable "megabytes" {}

resource "terraform_data" "big" {
  input = join("", [for i in range(var.megabytes) : format("%01000000d", i)])
}
"""


def refused(platform: Platform, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> dict[str, object]:
    with pytest.raises(ApiError) as caught:
        platform.api(method, path, body, headers)
    assert 400 <= caught.value.status < 500, caught.value
    return caught.value.error


def names_a_limit(error: dict[str, object]) -> bool:
    return bool(re.search(r"\d", str(error.get("message", "")) + str(error.get("details", ""))))


def test_request_sizes(platform: Platform) -> None:
    assert names_a_limit(refused(platform, "POST", "/api/v1/apply", {"manifest": playground(message="x" * (8 << 20))}))
    assert names_a_limit(refused(platform, "POST", "/api/v1/apply", {"manifest": playground(message="x" * 5000)}))
    assert names_a_limit(refused(platform, "POST", "/api/v1/apply", {"manifest": playground("n" * 300)}))
    assert names_a_limit(refused(platform, "GET", "/api/v1/stack-jobs?limit=501"))
    assert refused(platform, "POST", "/api/v1/apply", {"manifest": playground()}, {"Idempotency-Key": "k" * 256})["message"]
    deep = '{"manifest": ' + "[" * 20_000 + "]" * 20_000 + "}"
    response = platform.request("POST", "/api/v1/validate", headers={"Content-Type": "application/json"}, data=deep)
    assert 400 <= response.status_code < 500 and response.json()["error"]["message"], response.text
    response = platform.request("GET", "/api/v1/stack-jobs?cursor=" + "c" * 100_000)
    assert 400 <= response.status_code < 500
    response = platform.request("GET", "/readyz", headers={f"X-{i}": "v" * 1000 for i in range(200)})
    assert 400 <= response.status_code < 500 or response.status_code == 200
    platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])


def test_state_sizes(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "BigState", STATE)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    big = platform.apply(manifest("BigState", "big", megabytes=20))
    platform.succeed(big["stackJob"]["metadata"]["id"])
    assert len(platform.state(big["resource"]["metadata"]["id"])["resources"][0]["instances"][0]["attributes"]["input"]["value"]) == 20_000_000
    # State holds input and output: past 64 MiB it is refused, and the job says why.
    huge = platform.apply(manifest("BigState", "huge", megabytes=36))["stackJob"]["metadata"]["id"]
    document = platform.wait_job(huge, timeout=180)
    assert document["status"]["result"] == "failed"
    assert "64 MiB" in platform.explain(huge) or "67108864" in platform.explain(huge), platform.explain(huge)
    platform.succeed(platform.apply(playground())["stackJob"]["metadata"]["id"])

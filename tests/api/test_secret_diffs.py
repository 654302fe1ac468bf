"""A change of a secret alone is told in diffs, without the secret."""

from __future__ import annotations

from typing import Any

import yaml
from harness.planton import Platform

OLD, NEW = "the-0ld-secret", "the-n3w-secret"


def connection(password: str, user: str = "admin") -> dict[str, Any]:
    fields = {"host": "db", "port": "5432", "user": user, "password": password}
    return {"apiVersion": "planton.dev/v1", "kind": "Connection", "metadata": {"name": "pg", "org": "default"}, "spec": {"provider": "postgresql", "fields": fields}}


def changed_lines(diff: str) -> list[str]:
    return [line for line in diff.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_a_changed_secret_is_told_and_not_shown(server: Platform) -> None:
    server.apply(connection(OLD))
    file = server.root / "pg.yaml"
    file.write_text(yaml.safe_dump(connection(NEW), sort_keys=False))
    told = ["-    password: (sensitive)", "+    password: (sensitive, changed)"]
    shown = server.cli("diff", "-f", str(file), check=1)
    assert changed_lines(shown.out) == told
    server.apply(connection(NEW))
    newest = server.api("GET", "/api/v1/connections/pg/versions")["items"][0]
    assert changed_lines(newest["diff"]) == told
    for text in (shown.out, shown.err, newest["diff"]):
        assert OLD not in text and NEW not in text


def test_a_secret_that_stays_is_no_change(server: Platform) -> None:
    server.apply(connection(OLD))
    answer = server.api("POST", "/api/v1/diff", {"manifest": connection(OLD, user="other")})
    assert changed_lines(answer["diff"]) == ["-    user: admin", "+    user: other"]
    same = server.api("POST", "/api/v1/diff", {"manifest": connection(OLD)})
    assert (same["same"], same["diff"]) == (True, "")

"""What the command line says to somebody who tries it: whole, once, the most important last, and never nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import yaml
from fake_runner import FakeRunner
from harness.planton import BINARY, Platform, job_id, playground
from harness.postgres import database
from harness.processes import wait_until


def write(folder: Path, *documents: dict[str, Any]) -> str:
    folder.mkdir()
    for i, document in enumerate(documents, 1):
        (folder / f"{i}.yaml").write_text(yaml.safe_dump(document))
    return str(folder)


def scope(kind: str, name: str, **metadata: str) -> dict[str, Any]:
    return {"apiVersion": "planton.dev/v1", "kind": kind, "metadata": {"name": name} | metadata, "spec": {}}


def default_connection(name: str, default: bool) -> dict[str, Any]:
    document = scope("Connection", name)
    document["spec"] = {"provider": "postgresql", "default": default, "fields": {"host": "127.0.0.1", "user": "u", "password": "p"}}
    return document


def slugs(server: Platform) -> list[str]:
    return [r["metadata"]["slug"] for r in server.api("GET", "/api/v1/cloud-resources")["items"]]


def on_a_terminal(server: Platform, *arguments: str) -> str:
    primary, secondary = pty.openpty()
    done = subprocess.Popen([str(BINARY), *arguments], env=server.env() | {"NO_COLOR": "1"}, stdin=subprocess.DEVNULL, stdout=secondary, stderr=subprocess.DEVNULL)
    os.close(secondary)
    found = b""
    try:
        while chunk := os.read(primary, 65536):
            found += chunk
    except OSError:
        pass  # how a terminal says that nobody writes any more
    done.wait(60)
    os.close(primary)
    return found.decode()


# ---- apply ----


def test_a_folder_with_an_invalid_manifest_is_not_applied_at_all(server: Platform, tmp_path: Path) -> None:
    folder = write(tmp_path / "m", playground("good"), playground("bad", message=7, count=1000), playground("worse", trigers={}))
    failed = server.cli("apply", "-f", folder, "--tail", check=1)
    assert failed.out == ""
    lines = failed.err.splitlines()
    assert lines[0] == f"Playground/bad invalid: {folder}/2.yaml"
    assert {line.split()[0] for line in lines[1:3]} == {"spec.message", "spec.count"}
    assert lines[3] == f"Playground/worse invalid: {folder}/3.yaml" and lines[4].startswith("  spec.trigers ")
    assert lines[5:] == ["error: nothing was applied: 2 of 3 manifests are invalid"]
    assert slugs(server) == [] and server.api("GET", "/api/v1/stack-jobs")["items"] == []


def test_what_a_folder_brings_itself_is_not_missing(server: Platform, tmp_path: Path) -> None:
    inside = playground("app", message={"valueFrom": {"kind": "Playground", "name": "source"}})
    source = playground("source")
    inside["metadata"] |= {"org": "acme", "env": "prod"}
    source["metadata"] |= {"org": "acme", "env": "prod"}
    folder = write(tmp_path / "m", inside, source, scope("Environment", "prod", org="acme"), scope("Organization", "acme"))
    assert "invalid" not in server.cli("validate", "-f", folder).out
    applied = server.cli("apply", "-f", folder, "--operation", "none")
    assert applied.out.count(" created") == 4
    # The environment of another organization is none of this one's.
    source["metadata"]["org"] = "default"
    elsewhere = write(tmp_path / "n", source, scope("Environment", "prod", org="acme"))
    assert "metadata.env names no environment" in server.cli("apply", "-f", elsewhere, check=1).err


def test_a_folder_may_pass_the_default_on(server: Platform, tmp_path: Path) -> None:
    server.cli("apply", "-f", write(tmp_path / "m", default_connection("a", True)))
    passed_on = write(tmp_path / "n", default_connection("a", False), default_connection("b", True))
    server.cli("apply", "-f", passed_on)
    taken = write(tmp_path / "o", default_connection("a", True), playground())
    assert "spec.default is taken" in server.cli("apply", "-f", taken, check=1).err
    assert slugs(server) == []


def test_what_only_the_apply_finds_is_said_last(server: Platform, tmp_path: Path) -> None:
    both = [default_connection("a", True), default_connection("b", True), playground()]
    failed = server.cli("apply", "-f", write(tmp_path / "m", *both), check=1)
    assert "Connection/a created" in failed.out
    assert failed.err.splitlines()[-1] == "hint: 1 more were not applied; apply again when this is right"


@pytest.mark.parametrize("spec", [{"message": 7}, {"message": 7, "count": 1000}])
def test_each_finding_is_told_once(server: Platform, tmp_path: Path, spec: dict[str, Any]) -> None:
    failed = server.cli("apply", "-f", write(tmp_path / "m", playground(**spec)), check=1)
    for name in spec:
        assert failed.err.count(f"spec.{name}") == 1, failed.err
    assert "/1.yaml" in failed.err


def test_a_diff_names_its_resource(server: Platform, tmp_path: Path) -> None:
    stored, other = playground("a"), scope("Environment", "prod", org="default")
    server.apply(stored, operation="none")
    shown = server.cli("diff", "-f", write(tmp_path / "m", playground("a", message="new"), other), check=1)
    heads = [line for line in shown.out.splitlines() if line.startswith(("---", "+++"))]
    assert heads == ["--- Environment/prod stored", "+++ Environment/prod given", "--- Playground/a stored", "+++ Playground/a given"]


# ---- Tails ----


def waits(server: Platform, *arguments: str) -> tuple[subprocess.Popen[str], Queue[str]]:
    tail = subprocess.Popen([str(BINARY), *arguments], env=server.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines: Queue[str] = Queue()

    def read() -> None:
        assert tail.stderr
        for line in tail.stderr:
            lines.put(line.strip())

    threading.Thread(target=read, daemon=True).start()
    return tail, lines


def test_a_tail_says_what_its_job_waits_for(server: Platform) -> None:
    first = server.apply(playground())["stackJob"]["metadata"]["id"]
    second = server.create_job("play", "refresh", org="default", env="dev")["metadata"]["id"]
    tail, lines = waits(server, "sj", "logs", second)
    try:
        reason = server.job(second)["status"]["blockedBy"]["reason"]
        assert first in reason or "job" in reason, reason
        assert lines.get(timeout=60) == f"Playground/play waits: {reason}"
        server.api("POST", f"/api/v1/stack-jobs/{first}/cancel", {})
        assert lines.get(timeout=60).startswith("Playground/play waits: no runner is connected")
        server.api("POST", f"/api/v1/stack-jobs/{second}/cancel", {})
        tail.wait(60)
        assert lines.empty()
    finally:
        tail.kill()
        tail.wait()


def test_a_job_is_announced_without_a_page_that_is_not_there(server: Platform) -> None:
    server.apply(playground(), operation="none")
    created = server.cli("sj", "create", "play", "--operation", "preview")
    assert "http" not in created.out and job_id(created.out)
    assert server.request("GET", "/stack-jobs/x").status_code == 404


# ---- Tables ----


def test_a_preflight_report_is_whole(server: Platform) -> None:
    report = server.api("POST", "/api/v1/preflight-checks", {"cloudResourceKind": "PostgresDatabase", "org": "default", "env": "dev"})
    (missing,) = [row["missing"][0] for row in report["rows"] if not row["ok"]]
    command = ("sj", "preflight-checks", "--cloud-resource-kind", "PostgresDatabase")
    for shown in (server.cli(*command, check=5).out, on_a_terminal(server, *command)):
        lines = shown.splitlines()
        (row,) = [i for i, line in enumerate(lines) if line.startswith("provider_credentials")]
        assert lines[row + 1] == f"  {missing}"
        assert "[" not in shown and "…" not in shown and "MISSING" not in shown


def test_a_table_is_cut_on_a_terminal_only(server: Platform) -> None:
    server.apply(playground(), message="first line\nsecond line")
    assert "first line second line" in server.cli("sj", "list").out
    listed = on_a_terminal(server, "sj", "list")
    assert "first line" in listed and "second" not in listed
    descriptions = [kind["description"] for kind in server.api("GET", "/api/v1/cloud-resource-kinds")["items"]]
    assert any(len(d) > 60 for d in descriptions)
    shown = server.cli("list", "kinds").out
    assert all(d in shown for d in descriptions)
    assert "…" in on_a_terminal(server, "list", "kinds")


def test_a_failed_preflight_is_told_once(server: Platform, tmp_path: Path) -> None:
    path = write(tmp_path / "m", database("db"))
    tail = subprocess.Popen([str(BINARY), "apply", "-f", path, "--tail"], env=server.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: server.api("GET", "/api/v1/stack-jobs")["items"], "its job")
    FakeRunner(server).poll()
    out, err = tail.communicate(timeout=60)
    assert tail.returncode == 5
    (failed,) = [line for line in out.splitlines() if "Failed" in line]
    assert "Nothing ran: no connection for postgresql" in failed
    assert "provider_credentials" not in out + err and (out + err).count("no connection for postgresql") == 1


# ---- Names ----


def test_an_unknown_kind_is_not_an_empty_list(server: Platform) -> None:
    failed = server.cli("list", "Playgruond", check=6)
    assert "there is no kind Playgruond; did you mean Playground?" in failed.err and failed.out == ""
    assert "planton list kinds" in server.cli("list", "Foo", check=6).err
    assert server.request("GET", "/api/v1/stack-jobs?kind=Foo").status_code == 404
    assert "nothing found" in server.cli("list", "Playground").err
    assert "default" in server.cli("list", "Organization").out

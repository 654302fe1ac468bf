"""The OpenAPI document and the route tables say the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from harness.planton import BINARY, TOP, Platform
from openapi_spec_validator import validate


def document() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    return yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text())


def routes() -> list[tuple[str, str, str, str]]:
    lines = subprocess.run([BINARY, "server", "--print-routes"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [(method, path, name, audience) for method, path, name, audience in (line.split() for line in lines)]


def test_document_is_valid() -> None:
    validate(document())


def test_document_has_every_route_and_no_other() -> None:
    served = {(method.lower(), path, name) for method, path, name, audience in routes() if audience in ("admin", "anyone")}
    described = {
        (method, path, operation["operationId"]) for path, item in document()["paths"].items() for method, operation in item.items() if method != "parameters"}
    assert served == described


def test_protocol_names_every_route_of_runners_and_engines() -> None:
    protocol = Path(TOP / "docs" / "protocol.md").read_text()
    for _, path, _, audience in routes():
        if audience in ("runner", "registration", "engine"):
            assert path.replace("{name}", "pack") in protocol, path


def test_operation_ids_are_unique() -> None:
    names = [name for _, _, name, _ in routes()]
    assert len(names) == len(set(names))


def test_server_serves_its_document(server: Platform) -> None:
    assert server.api("GET", "/api/v1/openapi.json") == document()

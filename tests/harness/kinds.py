"""Catalogue entries made for a test: a kind and its OpenTofu module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_kind(catalog: Path, name: str, module: str, schema: dict[str, Any] | None = None, sensitive: list[str] | None = None, provider: str | None = None) -> str:
    """Returns the apiVersion of its manifests. module: the text of main.tf."""
    folder = catalog / name
    (folder / "tofu").mkdir(parents=True)
    (folder / "tofu" / "main.tf").write_text(module)
    spec: dict[str, Any] = {
        "group": f"{name.lower()}.test",
        "version": "v1",
        "description": "of a test",
        "sensitive": sensitive or [],
        "provisioner": "tofu",
        "modules": {"tofu": {"directory": "tofu"}},
        "schema": schema or {"type": "object", "additionalProperties": True},
    }
    if provider:
        spec["provider"] = provider
    (folder / "kind.yaml").write_text(yaml.safe_dump({
        "apiVersion": "catalog.planton.dev/v1", "kind": "CloudResourceKind", "metadata": {"name": name}, "spec": spec}))
    return f"{name.lower()}.test/v1"


def manifest(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{kind.lower()}.test/v1",
        "kind": kind,
        "metadata": {"name": name, "org": "default", "env": "dev"},
        "spec": spec,
    }

"""What a tail says of real jobs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml
from harness.kinds import manifest, write_kind
from harness.planton import BINARY, Platform, playground

FILES = """
variable "path" { type = string }
terraform {
  required_providers { local = { source = "hashicorp/local" } }
}
resource "local_file" "it" {
  count    = 3
  filename = "${var.path}-${count.index}"
  content  = "as declared"
}
"""


def test_what_is_read_again_for_drift_is_counted_once(make_platform: Callable[..., Platform], tmp_path: Path) -> None:
    write_kind(tmp_path / "kinds", "Files", FILES)
    platform = make_platform(catalogs=(tmp_path / "kinds",)).start()
    platform.succeed(platform.apply(manifest("Files", "f", path=str(tmp_path / "file")))["stackJob"]["metadata"]["id"])
    (tmp_path / "file-1").unlink()
    tail = platform.cli("sj", "create", "Files/f", "--operation", "update", "--tail")
    assert "3 resources, drift in 1 resource" in tail.out


def test_an_error_of_apply_is_said_after_the_tail(platform: Platform, tmp_path: Path) -> None:
    stray = playground("stray")
    stray["metadata"] |= {"org": "acme", "env": "nowhere"}
    organization = {"apiVersion": "planton.dev/v1", "kind": "Organization", "metadata": {"name": "acme"}, "spec": {}}
    path = tmp_path / "m.yaml"
    path.write_text(yaml.safe_dump_all([organization, playground("good"), stray]))
    command = [str(BINARY), "apply", "-f", str(path), "--tail"]
    failed = subprocess.run(command, env=platform.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert failed.returncode == 1
    last = failed.stdout[failed.stdout.index("Succeeded"):].splitlines()[-1]
    assert last.startswith(f"error: cannot apply {path} (document 3): metadata.env names no environment"), failed.stdout

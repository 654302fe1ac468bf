"""The fixtures of the integration tests, and an engine whose every launch is recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.recorder import Recorder
from integration.conftest import make_platform, platform, postgres

__all__ = ["make_platform", "platform", "postgres"]


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path / "engine")
    yield made
    made.close()

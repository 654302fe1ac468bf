"""A server without a runner for each test: what it says over HTTP, and how it keeps house."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.planton import TOP, Platform


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    made: list[Platform] = []

    def make(*arguments: str, **environment: str) -> Platform:
        root = tmp_path / f"s{len(made)}"
        root.mkdir()
        made.append(Platform(root, ["--no-runner", "--catalog", str(TOP / "catalog"), *arguments], environment))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(make_server: Callable[..., Platform]) -> Platform:
    return make_server().start()

"""Fixtures of the end-to-end tests: everything real, each test with a platform of its own unless it only reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.planton import TOP, Platform
from harness.postgres import Postgres


@pytest.fixture
def make_platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    made: list[Platform] = []

    def make(*arguments: str, catalogs: tuple[Path, ...] = (), **environment: str) -> Platform:
        root = tmp_path / f"p{len(made)}"
        root.mkdir()
        catalog = [a for c in (TOP / "catalog", *catalogs) for a in ("--catalog", str(c))]
        # Engines are sandboxed; what a test's modules make on disk is below tmp_path.
        platform = Platform(root, [*catalog, *arguments], {"PLANTON_ALLOW_WRITE": str(tmp_path)} | environment)
        made.append(platform)
        return platform

    yield make
    for platform in made:
        platform.close()


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform().start()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    root = tmp_path_factory.mktemp("postgres")
    for folder in (root, *root.parents):
        # The server's own user must get through.
        if folder.stat().st_uid == 0 and folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    server = Postgres(root / "cluster")
    yield server
    server.close()

"""What shells offer: names of resources and jobs, from the server if it answers, else nothing and not a word."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from harness.planton import BINARY, Platform, playground


def offered(server: Platform, *words: str, **env: str) -> list[str]:
    done = server.cli("complete-words", "--", "planton", *words, env=env)
    assert done.err == ""
    return done.out.splitlines()


@pytest.fixture
def job(server: Platform) -> str:
    return str(server.apply(playground("orders"))["stackJob"]["metadata"]["id"])


def test_names_of_resources(server: Platform, job: str) -> None:
    server.apply(playground("other"), operation="none")
    assert sorted(offered(server, "sj", "create-stack-job", "")) == ["orders\tPlayground", "other\tPlayground"]
    assert offered(server, "sj", "create-stack-job", "--operation", "update", "ord") == ["orders\tPlayground"]
    assert offered(server, "get", "other", "Playground/or") == ["Playground/orders"]
    assert offered(server, "get", "--env", "prod", "") == []
    assert offered(server, "sj", "create-stack-job", "orders", "") == []


def test_ids_of_jobs(server: Platform, job: str) -> None:
    assert offered(server, "sj", "cancel", "") == [f"{job}\tupdate of orders, queued"]
    assert offered(server, "sj", "logs", job[:10]) == [f"{job}\tupdate of orders, queued"]
    assert offered(server, "sj", "logs", "x") == []


def test_bash_gets_the_words_alone(server: Platform, job: str) -> None:
    script = f'planton() {{ {BINARY} "$@"; }}; source <(planton completion bash); COMP_WORDS=(planton sj cancel ""); COMP_CWORD=3; _planton; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script], env=server.env(), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{job}\n", "")


def test_no_answer_offers_nothing_and_says_nothing(server: Platform, job: str, tmp_path: Path) -> None:
    words = ("sj", "create-stack-job", "")
    assert offered(server, *words)
    assert offered(server, *words, PLANTON_TOKEN="pt_wrong") == []
    assert offered(server, *words, PLANTON_TOKEN_FILE=str(tmp_path / "none")) == []
    assert offered(server, *words, PLANTON_CONTEXT="none") == []
    assert offered(server, *words, XDG_CONFIG_HOME=str(tmp_path), PLANTON_SERVER=server.base) == []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert offered(server, *words, PLANTON_SERVER=address) == []
        silent.settimeout(10)
        silent.accept()[0].close()
    assert offered(server, *words, PLANTON_SERVER=address) == []

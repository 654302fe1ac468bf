"""Finding and ending processes by what they were started with, never by name alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    pid: int
    argv: tuple[str, ...]
    exe: str

    def kill(self, number: int = signal.SIGKILL) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    @property
    def alive(self) -> bool:
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False


def processes_mentioning(text: str) -> Iterator[Process]:
    """Every live process whose command line or environment holds the text (a test's own folder)."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                command = file.read()
            with open(f"/proc/{entry}/environ", "rb") as file:
                environment = file.read()
            with open(f"/proc/{entry}/stat", "rb") as file:
                state = file.read().rsplit(b")", 1)[1].split()[0]
            exe = os.readlink(f"/proc/{entry}/exe")
        except OSError:
            continue
        if state == b"Z" or text.encode() not in command + environment:
            continue
        yield Process(int(entry), tuple(a.decode(errors="replace") for a in command.split(b"\0")[:-1]), exe)


def wait_until(condition: Callable[[], object], what: str, timeout: float = 30.0, interval: float = 0.02) -> object:
    """Waits for a truthy answer and returns it; the deadline only keeps a broken test from hanging."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(interval)
    raise AssertionError(f"after {timeout:.0f} s still not: {what}")

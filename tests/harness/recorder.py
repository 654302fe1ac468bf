"""Sees every launch of the engine from outside the product: when it ran, on which state, and its own output files.

The engine that a platform is given is tests/fault/engine_wrapper.c, which connects here, waits for the answer and becomes the
real engine. The connection is inherited by it and its plugins, so its end is the end of all of them. Before it answers, the
recorder opens the launch's output files through /proc, so they can be read even after the product has deleted them.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .planton import TOP

CHANGES_OR_READS_STATE = ("plan", "apply", "destroy", "refresh", "import")


@dataclass(eq=False)
class Launch:
    pid: int
    command: str
    state: str
    launch: str  # "<job>/<operation>/<attempt>"; "" for commands that are not attempts
    argv: list[str]
    started: float
    ended: float | None = None
    overlaps: list[Launch] = field(default_factory=list)
    outputs: tuple[int, int] | None = None

    @property
    def job(self) -> str:
        return self.launch.split("/")[0]

    @property
    def exclusive(self) -> bool:
        return self.command in CHANGES_OR_READS_STATE and bool(self.state)

    @property
    def is_attempt(self) -> bool:
        """Its output is a log: not that of show, which is for the runner alone."""
        return self.command in (*CHANGES_OR_READS_STATE, "init")

    def output(self, stream: int = 0) -> bytes:
        if not self.outputs:
            return b""
        with open(f"/proc/self/fd/{self.outputs[stream]}", "rb") as file:
            return file.read()

    def step(self) -> int | None:
        """The pid of its parent while it lives."""
        try:
            return int(re.search(r"^PPid:\s*(\d+)", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE).group(1))  # type: ignore[union-attr]
        except OSError:
            return None

    def __str__(self) -> str:
        end = f"{self.ended - self.started:.3f} s" if self.ended else "alive"
        return f"{self.started:.3f} {self.command} pid {self.pid} {self.launch} {end}"


class Recorder:
    """hook: called for each start, before the engine may go on; whatever it does has happened before the engine's first instruction."""

    def __init__(self, folder: Path, real_engine: str | None = None) -> None:
        self.launches: list[Launch] = []
        self.hook: Callable[[Launch], None] | None = None
        self.end_hook: Callable[[Launch], None] | None = None
        self.problems: list[str] = []
        self.changed = threading.Condition()
        self._open: dict[socket.socket, Launch] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.engine = self._build(folder, real_engine or os.environ["PLANTON_TOFU"])
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _build(self, folder: Path, real: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        # Named like the real one: that is how processes are recognised. The real one's name is kept by exec anyway.
        binary = folder / "tofu"
        subprocess.run(["cc", "-O1", "-o", binary, f'-DREAL_ENGINE="{real}"', f"-DRECORDER_PORT={self._listener.getsockname()[1]}",
                        str(TOP / "tests" / "fault" / "engine_wrapper.c")], check=True)
        # A runner lets an engine read itself and what its configuration names by an absolute path: so also the real engine.
        configuration = os.environ.get("TF_CLI_CONFIG_FILE")
        text = Path(configuration).read_text() if configuration else ""
        self.configuration = folder / "tofu.rc"
        self.configuration.write_text(f'# "{real}"\n{text}')
        return binary

    @property
    def environment(self) -> dict[str, str]:
        return {"PLANTON_TOFU": str(self.engine), "TF_CLI_CONFIG_FILE": str(self.configuration)}

    def close(self) -> None:
        self._wake.send(b"x")
        self._thread.join(10)
        for launch in self.launches:
            self.forget(launch)
        for part in (*self._open, self._listener, self._wake, self._woken):
            part.close()
        self._selector.close()

    @staticmethod
    def forget(launch: Launch) -> None:
        if launch.outputs:
            for fd in launch.outputs:
                os.close(fd)
            launch.outputs = None

    # ---- The thread ----

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    self._start()
                else:
                    self._look(key.fileobj)  # type: ignore[arg-type]

    def _look(self, connection: socket.socket) -> None:
        if connection not in self._open:
            return
        try:
            if connection.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._selector.unregister(connection)
        launch = self._open.pop(connection)
        connection.close()
        with self.changed:
            launch.ended = time.monotonic()
            self.changed.notify_all()
        if self.end_hook:
            self.end_hook(launch)

    def _start(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(10)
        text = b""
        try:
            while not text.endswith(b"\n"):
                part = connection.recv(65536)
                if not part:
                    connection.close()  # killed before it could say who it is
                    return
                text += part
        except OSError:
            connection.close()
            return
        connection.setblocking(False)
        pid, command, state, launch_id, arguments = text.decode(errors="replace").rstrip("\n").split("\t", 4)
        launch = Launch(int(pid), command, state, launch_id, arguments.split("\x1f")[:-1], time.monotonic())
        # What has ended before this one was started has closed its connection before: see that first.
        for other in list(self._open):
            self._look(other)
        if launch.exclusive:
            launch.overlaps = [o for o in self._open.values() if o.exclusive and o.state == launch.state]
            for overlap in launch.overlaps:
                self.problems.append(f"OVERLAP on {state}: {launch} while {overlap}")
        if launch.is_attempt:
            with contextlib.suppress(OSError):  # killed meanwhile
                launch.outputs = (os.open(f"/proc/{pid}/fd/1", os.O_RDONLY), os.open(f"/proc/{pid}/fd/2", os.O_RDONLY))
        self._open[connection] = launch
        self._selector.register(connection, selectors.EVENT_READ)
        with self.changed:
            self.launches.append(launch)
            self.changed.notify_all()
        if self.hook:
            self.hook(launch)
        with contextlib.suppress(OSError):
            connection.sendall(b"g")

    # ---- For tests ----

    def of_job(self, job: str) -> list[Launch]:
        return [launch for launch in self.launches if launch.job == job]

    def alive(self) -> list[Launch]:
        return [launch for launch in self.launches if launch.ended is None]

    def wait(self, condition: Callable[[], Any], timeout: float) -> Any:
        """Until the condition (looked at again at each start and end) is truthy; None after the timeout."""
        with self.changed:
            return self.changed.wait_for(condition, timeout)

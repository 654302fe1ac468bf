"""Reading a job's live stream as a client sees it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import urlsplit

from .planton import Platform


class Stream:
    """One SSE connection. Reading blocks until the next event; it ends at the server's `end`."""

    def __init__(self, platform: Platform, job: str, after: int = 0, timeout: float = 120, follow: bool = True) -> None:
        address = urlsplit(platform.base)
        assert address.hostname
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
        more = "" if follow else "&follow=false"
        self.connection.request("GET", f"/api/v1/stack-jobs/{job}/events?after={after}{more}", headers={
            "Authorization": f"Bearer {platform.token}", "Accept": "text/event-stream"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        kind = ""
        while line := self.response.readline():
            text = line.rstrip(b"\r\n")
            if text.startswith(b"event:"):
                kind = text[6:].strip().decode()
                if kind == "end":
                    return
            elif text.startswith(b"data:") and kind:
                yield json.loads(text[5:])
            elif not text:
                kind = ""


def is_completed(event: dict[str, Any]) -> bool:
    return event["type"] == "job_status" and event["payload"]["status"] == "completed"

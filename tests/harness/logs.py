"""Compares a job's stored log with the engine's own output files: every line once, none lost, in order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from .recorder import Launch

MASK = "(sensitive)"
NOTE = "Init was done before with the same module"  # of the runner's own


def engine_lines(raw: bytes) -> list[tuple[str, bool]]:
    """(text, whether more lines of detail may follow it) of each line of an engine's output file."""
    lines = raw.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    found: list[tuple[str, bool]] = []
    for line in lines:
        text, detailed = line.decode(errors="replace"), False
        if text.startswith("{"):
            try:
                document = json.loads(text)
                text, detailed = str(document["@message"]), document.get("type") == "diagnostic"
            except (ValueError, KeyError, TypeError):
                pass
        parts = text.split("\n")
        found += [(part, detailed) for part in parts]
    return found


def stored_lines(events: Iterable[dict[str, Any]], stream: str) -> list[str]:
    lines: list[str] = []
    for event in events:
        if event["type"] == "log" and event["payload"]["stream"] == stream:
            lines += [line for line in str(event["payload"]["line"]).split("\n") if not line.startswith(NOTE)]
    return lines


def _same(expected: str, stored: str) -> bool:
    if expected == stored:
        return True
    if MASK not in stored:
        return False
    return re.fullmatch(".*".join(re.escape(part) for part in stored.split(MASK)), expected, re.DOTALL) is not None


def compare_log(events: list[dict[str, Any]], launches: list[Launch]) -> list[str]:
    """What is wrong; launches: all of the job's attempts, in order."""
    problems: list[str] = []
    for index, stream in enumerate(("stdout", "stderr")):
        expected = [line for launch in launches for line in engine_lines(launch.output(index))]
        stored = stored_lines(events, stream)
        at, detailed = 0, False
        for text, is_detailed in expected:
            skipped: list[str] = []
            while at < len(stored) and not _same(text, stored[at]) and detailed and (stored[at].startswith("  ") or stored[at] == ""):
                skipped.append(stored[at])
                at += 1
            if at == len(stored):
                problems.append(f"{stream}: {text!r} is missing at the end (line {at} of {len(expected)})")
                break
            if not _same(text, stored[at]):
                problems.append(f"{stream}: line {at + 1} is {stored[at]!r}, the engine printed {text!r}")
                break
            at += 1
            detailed = is_detailed
        else:
            rest = [line for line in stored[at:] if not (detailed and (line.startswith("  ") or line == ""))]
            if rest:
                problems.append(f"{stream}: {len(rest)} lines too many, first {rest[0]!r}")
    return problems

"""Writes the numbered SQL scripts given on the command line as one C table."""

import re
import sys
from pathlib import Path


def c_string(text: str) -> str:
    lines = (line.replace("\\", "\\\\").replace('"', '\\"') for line in text.splitlines())
    return "\n".join(f'\t\t"{line}\\n"' for line in lines)


def main(output: Path, scripts: list[Path]) -> None:
    entries = []
    for expected, script in enumerate(sorted(scripts, key=lambda s: s.name), start=1):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", script.name)
        if not match or int(match[1]) != expected:
            sys.exit(f"{script.name}: expected {expected:04}_name.sql")
        entries.append(f'\t{{{expected}, "{match[2]}",\n{c_string(script.read_text())}}},\n')
    output.write_text(
        '#include "store/migrate.h"\n\n'
        f"const struct migration migrations[] = {{\n{''.join(entries)}}};\n"
        f"const int migrations_count = {len(entries)};\n"
    )


main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])

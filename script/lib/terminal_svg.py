"""Runs a command in a pseudo-terminal and draws its last screen and scrollback as SVG: OUTPUT SHOWN-COMMAND COMMAND..."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from html import escape

COLUMNS, LINE, CHARACTER = 96, 18, 8.4
COLOURS = {"31": "#f07178", "32": "#a5d46a", "33": "#ffcb6b", "34": "#82aaff", "35": "#c792ea", "36": "#89ddff", "90": "#7f8c98", "2": "#7f8c98", "1": "#ffffff"}
TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


def run(command: list[str]) -> str:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    data = b""
    try:
        while chunk := os.read(terminal, 65536):
            data += chunk
    except OSError:
        pass
    os.waitpid(pid, 0)
    return data.decode(errors="replace")


def screen(text: str) -> list[list[tuple[str, str]]]:
    """Rows of (character, colour): enough of a terminal for carriage returns, erasing and moving up."""
    rows: list[list[tuple[str, str]]] = [[]]
    row = column = 0
    colour = ""
    for token in TOKEN.finditer(text):
        arguments, command = token.group(1), token.group(2)
        if token.group() == "\n":
            row += 1
            while len(rows) <= row:
                rows.append([])
        elif token.group() == "\r":
            column = 0
        elif command == "m":
            for part in (arguments or "0").split(";"):
                colour = COLOURS.get(part, "" if part in ("", "0", "39", "22") else colour)
        elif command == "A":
            row = max(0, row - int(arguments or 1))
        elif command == "K":
            del rows[row][0 if arguments == "2" else column :]
        elif command == "J":
            del rows[row][column:]
            del rows[row + 1 :]
        elif command == "G":
            column = int(arguments or 1) - 1
        elif command is None:
            line = rows[row]
            line += [(" ", "")] * (column - len(line))
            for character in token.group():
                line[column : column + 1] = [(character, colour)]
                column += 1
    return rows


def draw(rows: list[list[tuple[str, str]]]) -> str:
    height = LINE * (len(rows) + 2)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{int(COLUMNS * CHARACTER) + 32}" height="{height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">',
        '<rect width="100%" height="100%" rx="8" fill="#1b2029"/>',
    ]
    for number, row in enumerate(rows):
        spans, start = [], 0
        while start < len(row):
            end = start
            while end < len(row) and row[end][1] == row[start][1]:
                end += 1
            spans.append(f'<tspan fill="{row[start][1] or "#d6deeb"}">{escape("".join(c for c, _ in row[start:end]))}</tspan>')
            start = end
        out.append(f'<text x="16" y="{LINE * (number + 2) - 6}" xml:space="preserve">{"".join(spans)}</text>')
    return "\n".join([*out, "</svg>", ""])


def main() -> None:
    output, shown, *command = sys.argv[1:]
    rows = screen(f"\x1b[32m$\x1b[0m {shown}\r\n" + run(command))
    while rows and not rows[-1]:
        rows.pop()
    with open(output, "w", encoding="utf-8") as file:
        file.write(draw(rows))


main()

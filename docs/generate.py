"""Writes docs/tour.md, docs/commands.md and docs/rules.md from the program itself.

python docs/generate.py            all three (the tour trains small models: some minutes)
python docs/generate.py commands   one of them
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
WIDTH = "100"


def run(line: str) -> str:
    """What ``line`` prints, stdout and stderr as a person in a shell sees them in a pipe."""
    from seqcli.cli.main import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        main(shlex.split(line)[1:])
    return "\n".join(text.rstrip() for text in printed.getvalue().strip("\n").splitlines())


def tour() -> str:
    """Every section with its commands and what they print."""
    from seqcli.demo.samples import write_sample
    from seqcli.demo.tour import SECTIONS

    parts = [
        "# The tour",
        "Recurrent networks in commands that anyone can type. `seqcli demo N` writes the data of section N "
        "into the folder it is called in and runs its commands. The numbers are those of sixteen subjects; "
        "the missing ones are still to come. All output below was printed by these commands; other machines "
        "differ in the last digits.",
    ]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for section in SECTIONS:
            for name in section.files:
                write_sample(name, Path())
            parts += [f"## {section.number}. {section.title}", section.text]
            parts += [f"```console\n$ {line}\n{run(line)}\n```" for line in section.commands]
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """The help of every command."""
    from seqcli.cli.main import COMMANDS

    lines = ["seqcli --help", *(f"seqcli {name} --help" for name in COMMANDS)]
    blocks = [
        f"## {line.removesuffix(' --help')}\n\n```console\n$ {line}\n{run(line)}\n```" for line in lines
    ]
    return "\n\n".join(["# Commands", *blocks]) + "\n"


def rules() -> str:
    """How task and columns are found."""
    from seqcli.tasks.rules import RULES

    rows = [f"| {rule.name} | {rule.when} | {rule.task} |" for rule in RULES]
    text = (
        "The rules are tried from the top and the first that fits decides; the plan line says which. What "
        "was typed (`--task`, `--target`, `--features`, `--time`, `--id`) comes before any rule, and a "
        "choice that stays open is an error that lists the candidates."
    )
    head = "| rule | holds when | task |\n|---|---|---|"
    return "\n\n".join(["# How task and columns are found", text, "\n".join([head, *rows])]) + "\n"


PAGES: dict[str, Callable[[], str]] = {"tour": tour, "commands": commands, "rules": rules}


if __name__ == "__main__":
    os.environ.update(COLUMNS=WIDTH, NO_COLOR="1", TERM="dumb")
    for page in sys.argv[1:] or PAGES:
        (HERE / f"{page}.md").write_text(PAGES[page](), encoding="utf-8")

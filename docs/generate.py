"""Writes docs/tour.md, gallery.md, commands.md and rules.md from the program itself.

python docs/generate.py            all of them (tour and gallery train small models: some minutes)
python docs/generate.py gallery    one of them
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
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
        "into the folder it is called in and runs its commands; on a terminal sections 3, 6 and 7 end with a "
        "picture that is redrawn step by step. All output below was printed by these commands; other "
        "machines differ in the last digits.",
    ]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for section in SECTIONS:
            for name in section.files:
                write_sample(name, Path())
            parts += [f"## {section.number}. {section.title}", section.text]
            parts += [f"```console\n$ {line}\n{run(line)}\n```" for line in section.commands]
    return "\n\n".join(parts) + "\n"


def gallery() -> str:
    """Every figure with its commands; the drawings themselves go into the folder beside the page."""
    from seqcli.demo.gallery import PICTURES, write_file

    parts = [
        "# Gallery",
        "What the program draws, and the commands that draw it. `--plot` takes a `.svg`, a `.html` that "
        "holds the numbers too, or a `.png` (`pip install 'seqcli[plot]'`). `seqcli show MODEL -o "
        "report.html` puts a model's figures and tables on one page. The data is made: `seqcli demo` "
        "writes it.",
    ]
    shutil.rmtree(HERE / "gallery", ignore_errors=True)
    (HERE / "gallery").mkdir()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for picture in PICTURES:
            for name in picture.files:
                write_file(name, Path())
            lines = "\n".join(f"$ {line}" for line in picture.commands)
            parts += [f"## {picture.title}", picture.text]
            if picture.plot:
                for line in picture.commands:
                    run(line)
                shutil.copy(picture.plot, HERE / "gallery")
                parts += [f"```console\n{lines}\n```", f"![{picture.title}](gallery/{picture.plot})"]
            else:
                parts.append(f"```console\n{lines}\n{on_terminal(picture.commands[-1])}\n```")
    return "\n\n".join(parts) + "\n"


def on_terminal(line: str) -> str:
    """What a person on a terminal of 80 columns sees of ``line``, without colours."""
    import pty

    master, slave = pty.openpty()
    own = {"PATH": os.environ["PATH"], "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80", "LANG": "C.UTF-8"}
    own |= {name: value for name, value in os.environ.items() if name in ("PYTHONPATH", "OMP_NUM_THREADS")}
    command = [sys.executable, "-m", *shlex.split(line)]
    with subprocess.Popen(command, stdout=slave, stderr=slave, stdin=slave, env=own) as started:
        os.close(slave)
        seen = b""
        with contextlib.suppress(OSError):  # how a terminal ends on Linux
            while part := os.read(master, 65536):
                seen += part
        started.wait()
    os.close(master)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode()).replace("\r\n", "\n")
    shown = (row.rsplit("\r", 1)[-1].rstrip() for row in text.strip("\n").split("\n"))
    return "\n".join(shown)


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


PAGES: dict[str, Callable[[], str]] = {
    "tour": tour,
    "gallery": gallery,
    "commands": commands,
    "rules": rules,
}


if __name__ == "__main__":
    os.environ.update(COLUMNS=WIDTH, NO_COLOR="1", TERM="dumb")
    for page in sys.argv[1:] or PAGES:
        (HERE / f"{page}.md").write_text(PAGES[page](), encoding="utf-8")

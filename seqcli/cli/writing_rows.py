"""``generate rows.csv -m MODEL``: for each row a text that depends on its columns, appended as a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.cli.use import read_whole
from seqcli.cli.writing import Session
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, ReadingOptions
from seqcli.reporting.progress import counted
from seqcli.reporting.results import RowWriter, result_format, result_stream
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel

GENERATED = "generated"
BAD_ROWS = 3
"""What the program ends with when a row got no text."""
ALONE = ("n", "beam", "given", "interactive", "state_in", "state_out")
"""Options of one text that does not stand in a row."""


def write_rows(call: Invocation, model: SavedModel, prompt: str, screen: Screen) -> int:
    """Write all columns of the file and the text of each row; 3 where one got none."""
    import numpy as np

    from seqcli.inference.generate import Sample

    for name in ALONE:
        if name in call.typed:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} does not go with a file of rows", f"leave out {flag}, or the file")
    table = read_whole(call.files, call.group(ReadingOptions), screen)
    if GENERATED in table.names:
        raise UsageError(f"{table.source}: there is a column called {GENERATED!r} already", "rename it")
    session = Session.open(call, model, {}, prompt, screen)
    stop = "\n" if session.options.stop == "" else session.options.stop or ""
    fixed, bad = session.writer.rows(table), session.writer.bad_rows(table)
    output, names = call.group(OutputOptions), table.names
    cells = [table.cells(name) for name in names]
    done = 0
    with result_stream(output) as stream:
        writer = RowWriter((*names, GENERATED), result_format(output), stream, computed=1)
        rows = ([row] for row in range(len(table)))
        for (row,) in counted(screen, rows, "texts", lambda: (done + 1) / len(table)):  # noqa: B023
            text: str | None = None
            if row in bad:
                screen.warn(f"{bad[row]}: no text is written")
            else:
                session.writer.fixed = fixed[row]
                beginning = session.writer.begin(prompt)
                rng = np.random.default_rng([session.seed, row])
                tokens = session.writer.tokens(beginning, session.sampler, rng)
                text = beginning.prompt + "".join(Sample(tokens, session.length, stop))
            writer.write((*(column[row] for column in cells), text))
            writer.flush()
            done = row
        writer.close()
    return BAD_ROWS if bad else 0

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from seqcli.readers.table import Table

TableOf = Callable[..., Table]


@pytest.fixture
def table_of() -> TableOf:
    """A table from CSV text, as if it stood in a file."""

    def build(text: str, source: str = "data.csv") -> Table:
        names, *rows = [row for row in csv.reader(io.StringIO(text.strip())) if row]
        return Table.from_records(source, [name.strip() for name in names], rows, range(2, len(rows) + 2))

    return build

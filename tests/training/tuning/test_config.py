"""A configuration says to TOML, and to ``--config``, what the options were."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.cli.command import TRAINING_OPTIONS, read_config
from seqcli.cli.commands.train import COMMAND
from seqcli.options import Options
from seqcli.training.tuning.config import config_text

ODD = {
    "delimiter": "\t",
    "target": ["close, adjusted", 'the "y"', "plain"],
    "features": [],
    "validation": 'C:\\data\\"x".csv',
    "pool": "max+mean",
    "wide": True,
    "refit": False,
    "dropout": 0.25,
    "learning_rate": 1e-05,
    "epochs": 3,
    "interval": [50, 90],
    "every": "15min",
    "group": "größe\x7f\u2028",
}


def test_every_kind_of_option_is_taken_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(config_text(["a comment\nof two lines"], ODD), encoding="utf-8")
    values = {name: value for name, value in read_config(str(path), COMMAND).items() if value != ()}
    assert values.keys() <= TRAINING_OPTIONS
    assert Options.from_flat(values) == Options.from_flat(ODD)


@given(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_is_valid_toml(text: str, number: float) -> None:
    read = tomllib.loads(config_text([text], {"time": text, "dropout": number}))
    assert read == {"time": text, "dropout": number}


@pytest.mark.parametrize("values", [{}, {"seed": 0}])
def test_comments_alone_are_a_configuration_too(tmp_path: Path, values: dict[str, int]) -> None:
    path = tmp_path / "run.toml"
    path.write_text(config_text(["nothing better was found"], values))
    assert read_config(str(path), COMMAND) == values

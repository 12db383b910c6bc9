"""The option classes: flat names, overlays, and that what they declare can be offered."""

from __future__ import annotations

from dataclasses import fields

import pytest

import seqcli.options as module
from seqcli import options_use
from seqcli.errors import UsageError
from seqcli.options import Options

CLASSES = [
    kind
    for part in (module, options_use)
    for name, kind in vars(part).items()
    if name.endswith("Options") and name != "Options" and isinstance(kind, type)
]
ITEMS = [pytest.param(item, id=f"{kind.__name__}.{item.name}") for kind in CLASSES for item in fields(kind)]


def test_names_are_unique_across_all_classes() -> None:
    names = [item.name for kind in CLASSES for item in fields(kind)]
    assert len(names) == len(set(names)) > 40


@pytest.mark.parametrize("item", ITEMS)
def test_every_option_says_what_it_does_in_one_sentence(item) -> None:
    text = item.metadata["help"]
    assert text.endswith(".")
    assert text[0].isupper()
    assert len(text) < 90


@pytest.mark.parametrize("item", ITEMS)
def test_a_default_is_one_of_the_choices_and_within_the_bounds(item) -> None:
    if item.default is not None and item.metadata["choices"]:
        assert item.default in item.metadata["choices"]
    for bound, holds in (("at_least", lambda a, b: a >= b), ("below", lambda a, b: a < b)):
        limit = item.metadata[bound]
        if item.default is not None and limit is not None:
            assert holds(item.default, limit)


def test_a_flat_set_of_options_is_restored_whole() -> None:
    changed = Options.from_flat(
        {"hidden_size": 7, "interval": [50, 90], "target": ["a", "b"], "refit": False}
    )
    flat = changed.to_flat()
    assert flat["hidden_size"] == 7
    assert flat["interval"] == [50, 90]
    assert Options.from_flat(flat) == changed
    assert Options.from_flat({}, changed) == changed
    assert changed.network.hidden_size == 7
    assert changed.columns.target == ("a", "b")


def test_an_overlay_changes_only_what_it_names() -> None:
    base = Options.from_flat({"epochs": 3, "cell": "lstm"})
    over = Options.from_flat({"epochs": 4}, base)
    assert over.training.epochs == 4
    assert over.network.cell == "lstm"
    assert base.training.epochs == 3


def test_an_unknown_key_is_named_with_the_closest_one() -> None:
    with pytest.raises(UsageError) as caught:
        Options.from_flat({"hiden_size": 3})
    assert "hiden_size" in caught.value.message
    assert "hidden_size" in caught.value.hint


def test_the_cells_on_offer_are_the_registered_ones() -> None:
    registry = pytest.importorskip("seqcli.backends.registry")
    assert set(module.CELLS) == set(registry.CELLS)

"""What a forecast chooses for its network, and which options exclude each other."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.errors import UsageError
from seqcli.options import Options
from seqcli.tasks.forecasting.choices import (
    check_decoder,
    choose_segment,
    learns_residual,
    window_candidates,
)


@pytest.mark.parametrize(
    ("window", "season", "flat", "segment"),
    [
        (96, 24, {}, 24),
        (336, 24, {}, 48),
        (720, 24, {}, 48),
        (95, 24, {}, 12),  # four of 23 there would be, and 12 is the longest part of a day below
        (60, 7, {}, 14),
        (60, None, {}, 2),
        (720, None, {}, 24),
        (3, None, {}, 1),
        (3, 7, {}, 1),
        (60, 7, {"segment": 5}, 5),
        (60, 7, {"decoder": "direct"}, 0),
        (60, 7, {"decoder": "parallel"}, 14),
        (60, 7, {"bidirectional": True}, 0),
        (60, 7, {"cell": "none"}, 0),
        (60, 7, {"pool": "max"}, 0),
        (60, 7, {"pool": "last"}, 14),
        (60, 7, {"hidden_size": 1}, 0),
        (60, 7, {"hidden_size": 2}, 14),
    ],
)
def test_segments(window, season, flat, segment) -> None:
    assert choose_segment(window, 1000, season, Options.from_flat(flat)) == segment


@pytest.mark.parametrize("asked", [{"decoder": "parallel"}, {"segment": 4}])
@pytest.mark.parametrize(
    ("flat", "message"),
    [
        ({"bidirectional": True}, "reads both ways"),
        ({"cell": "none"}, "--cell none has none"),
        ({"pool": "mean"}, "--pool mean takes all"),
        ({"hidden_size": 1}, "a unit for the place"),
    ],
)
def test_networks_that_no_segments_can_be_had_with(asked, flat, message) -> None:
    check_decoder(Options.from_flat(flat), 20)
    check_decoder(Options.from_flat(asked), 20)
    with pytest.raises(UsageError, match=message) as caught:
        check_decoder(Options.from_flat(asked | flat), 20)
    assert caught.value.message.startswith("--decoder parallel" if "decoder" in asked else "--segment")
    assert caught.value.hint


def test_segments_and_windows() -> None:
    check_decoder(Options.from_flat({"segment": 20}), 20)
    with pytest.raises(UsageError, match="--segment 21 is longer than the window of 20") as caught:
        check_decoder(Options.from_flat({"segment": 21}), 20)
    assert caught.value.hint == "--segment 20 is the longest, or type a longer --window"
    check_decoder(Options.from_flat({"segment": 1, "decoder": "direct"}), 20)
    with pytest.raises(UsageError, match="--decoder direct reads step by step") as caught:
        check_decoder(Options.from_flat({"segment": 2, "decoder": "direct"}), 20)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("season", "rows", "train", "found"),
    [
        (24, [17420], [12194], [24, 48, 60, 168, 336, 720]),
        (None, [17420], [12194], [60, 120, 240, 480, 720]),
        (7, [400], [280], [7, 14, 49, 60, 98]),
        (7, [60], [42], [7, 14]),
        (None, [60], [42], [15]),
        (None, [13], [9], [1]),
        (24, [700] * 20, [560] * 20, [24, 48, 60, 168, 336]),
        (24, [700] * 20, [560] * 15 + [70] * 5, [24, 48, 60]),
    ],
)
def test_windows_that_are_tried(season, rows, train, found) -> None:
    assert window_candidates(season, np.array(rows), np.array(train)) == found


def test_the_ridge_leaves_over_what_few_windows_cannot_show() -> None:
    assert learns_residual(4096, 1, 24)
    assert not learns_residual(4097, 1, 24)
    assert learns_residual(10**6, 10, 24)
    assert not learns_residual(100, 1, 0)

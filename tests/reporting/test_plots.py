"""Where a figure goes: what is refused early, what is written whole."""

from __future__ import annotations

import errno
import io
import os

import pytest
from fan_figures import chart, figure

from seqcli.errors import UsageError
from seqcli.options import OutputOptions, PlotOptions
from seqcli.reporting.fan import FanFigure
from seqcli.reporting.plots import check_plot, write_plot
from seqcli.reporting.screen import Screen


def refusal(name, output=None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        check_plot(PlotOptions(str(name)), OutputOptions(output=output))
    return caught.value


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("chart.pdf", "the ending"),
        ("chart.htm", "did you mean chart.html?"),
        ("chart.SVGZ", "did you mean chart.svg?"),
        ("chart", "the ending"),
        ("-", "the ending"),
        (".svg", "the ending"),
        ("", "the ending"),
    ],
)
def test_another_ending_is_refused_with_those_that_are_known(name, hint) -> None:
    error = refusal(name)
    assert ".png, .svg or .html" in error.message
    assert hint in error.hint


def test_a_place_that_cannot_be_written_is_refused(tmp_path) -> None:
    (tmp_path / "folder.svg").mkdir()
    assert "is a directory" in refusal(tmp_path / "folder.svg").message
    assert "--plot" in refusal(tmp_path / "folder.svg").hint
    assert "mkdir" in refusal(tmp_path / "no" / "chart.png").hint
    same = str(tmp_path / "one.svg")
    assert "by -o and by --plot" in refusal(same, output=same).message
    check_plot(PlotOptions(same), OutputOptions(output="-"))
    check_plot(PlotOptions(), OutputOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


@pytest.mark.parametrize("ending", ["svg", "html", "PNG"])
def test_a_figure_is_written_whole_and_named(tmp_path, ending) -> None:
    target, said = tmp_path / f"chart.{ending}", io.StringIO()
    check_plot(PlotOptions(str(target)), OutputOptions())
    write_plot(figure(), PlotOptions(str(target)), Screen(stream=said))
    begin = {"svg": b"<svg", "html": b"<!DOCTYPE html>", "PNG": b"\x89PNG"}[ending]
    first = target.read_bytes()
    assert first.startswith(begin)
    assert said.getvalue() == f"plot: {target}\n"
    write_plot(figure(), PlotOptions(str(target)), Screen(quiet=True))
    assert target.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_what_had_no_room_is_counted(tmp_path) -> None:
    said = io.StringIO()
    write_plot(
        FanFigure("t", "s", [chart()], (), 3), PlotOptions(str(tmp_path / "c.svg")), Screen(stream=said)
    )
    assert said.getvalue().endswith("c.svg, 1 of 4 series\n")


def test_without_a_forecast_there_is_no_figure(tmp_path) -> None:
    said = io.StringIO()
    write_plot(FanFigure("t", "s", []), PlotOptions(str(tmp_path / "c.svg")), Screen(stream=said))
    assert "no series has a forecast" in said.getvalue()
    assert list(tmp_path.iterdir()) == []
    write_plot(figure(), PlotOptions(), Screen(stream=said))


def test_letters_that_the_png_lacks_are_told(tmp_path) -> None:
    said = io.StringIO()
    write_plot(figure(title="店"), PlotOptions(str(tmp_path / "c.png")), Screen(stream=said))
    assert "note: matplotlib's font lacks some letters" in said.getvalue()


def test_a_full_disk_is_an_error(tmp_path) -> None:
    full = tmp_path / "chart.svg"
    full.symlink_to("/dev/full")
    check_plot(PlotOptions(str(full)), OutputOptions())
    with pytest.raises(OSError) as caught:
        write_plot(figure(), PlotOptions(str(full)), Screen(quiet=True))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(full))
    assert full.is_symlink()
    device = tmp_path / "null.svg"
    device.symlink_to(os.devnull)
    write_plot(figure(), PlotOptions(str(device)), Screen(quiet=True))

"""The figures that the program draws, each with the commands that make it, on data that is made here.

``docs/gallery.md`` is this module run: ``python docs/generate.py gallery``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seqcli.demo.samples import write_sample


@dataclass(frozen=True)
class Picture:
    """One figure of the gallery."""

    title: str
    text: str
    """What it shows, and how it is read."""
    files: tuple[str, ...]
    """Names of the made files it needs, of :data:`seqcli.demo.samples.SAMPLES` or of :data:`CUTS`."""
    commands: tuple[str, ...]
    """The last one draws."""
    plot: str = ""
    """The file that it draws; "" where a terminal is the place to look."""


def cut_rows(source: str, first: str, rest: str, share: float) -> Callable[[Path], None]:
    """What cuts a made table or text in two, in its order; the lines of one sequence stay together."""

    def cut(folder: Path) -> None:
        if not (folder / source).exists():
            write_sample(source, folder)
        lines = (folder / source).read_text(encoding="utf-8").splitlines(keepends=True)
        head = lines[:1] if source.endswith(".csv") else []
        body = lines[len(head) :]
        place = int(share * len(body))
        while source == "sensor.csv" and body[place].split(",")[1] != "1":
            place += 1
        (folder / first).write_text("".join([*head, *body[:place]]), encoding="utf-8")
        (folder / rest).write_text("".join([*head, *body[place:]]), encoding="utf-8")

    return cut


CUTS = {
    "few.csv": cut_rows("reviews.csv", "few.csv", "others.csv", 0.002),
    "motions.csv": cut_rows("sensor.csv", "motions.csv", "new.csv", 0.7),
    "earlier.csv": cut_rows("prices.csv", "earlier.csv", "later.csv", 0.75),
    "sites.csv": cut_rows("promoters.csv", "sites.csv", "rest.csv", 0.005),
    "begin.txt": cut_rows("corpus.txt", "begin.txt", "end.txt", 0.8),
}
"""Name → what writes it, and beside it the file of what is left: nothing is measured on what was learnt."""


def write_file(name: str, folder: Path) -> None:
    """Write one file that a picture needs into ``folder``."""
    CUTS[name](folder) if name in CUTS else write_sample(name, folder)


PICTURES = (
    Picture(
        "Learning curves",
        "Loss, the metric that decides, clipped gradients and the learning rate, epoch by epoch. `show` "
        "draws the same of any saved model.",
        ("reviews.csv",),
        ("seqcli train reviews.csv --epochs 10 --no-refit --force --plot curves.svg",),
        "curves.svg",
    ),
    Picture(
        "Confusion matrix and reliability",
        "motions.csv is the begin of sensor.csv and new.csv the rest. A network without memory mixes up "
        "motions that pass through the same points: circle and reverse, wake and settle. On the right each "
        "dot is a tenth of the rows: below the dashed line the model is surer than it is right.",
        ("motions.csv",),
        (
            "seqcli train motions.csv --cell none --stem none --epochs 12 --force -q",
            "seqcli evaluate new.csv -m motions.seqcli --plot confusion.svg",
        ),
        "confusion.svg",
    ),
    Picture(
        "The same on a terminal",
        "What a terminal of 80 columns shows of it; there the cells of the matrix are coloured too.",
        (),
        ("seqcli evaluate new.csv -m motions.seqcli",),
    ),
    Picture(
        "Error by steps ahead, and how intervals hold",
        "Trained on the past and tested on what follows, two times. On prices the last value is hard to "
        "beat: the lines lie close together.",
        ("prices.csv",),
        ("seqcli evaluate prices.csv --folds 2 --steps 60 --horizon 10 --plot horizon.svg",),
        "horizon.svg",
    ),
    Picture(
        "Forecast fan",
        "The last rows of a file, the forecast and its intervals. A `.html` reads values out where one "
        "points.",
        ("prices.csv",),
        ("seqcli forecast prices.csv --window 60 --steps 100 --horizon 20 --force --plot fan.svg",),
        "fan.svg",
    ),
    Picture(
        "Lag weights",
        "Which lags of which column moved the forecast: by its gradient, and by what the error gains when "
        "they are shuffled.",
        ("prices.csv",),
        ("seqcli explain prices.csv -m prices.seqcli --plot lags.svg",),
        "lags.svg",
    ),
    Picture(
        "What led to a class",
        "What each word of a text brings for its class, and against it; few.csv holds six of the reviews.",
        ("few.csv",),
        ("seqcli explain few.csv -m reviews.seqcli --plot words.svg",),
        "words.svg",
    ),
    Picture(
        "Predicted against true",
        "Of a number; on the dashed line predictions are true. later.csv is the last quarter of prices.csv.",
        ("earlier.csv",),
        (
            "seqcli train earlier.csv --task regress --target close --features open,high,low --epochs 10 "
            "--force -q",
            "seqcli evaluate later.csv -m earlier.seqcli --plot cloud.svg",
        ),
        "cloud.svg",
    ),
    Picture(
        "Where a text surprises",
        "Bits that each character costs: along the text, and how they spread. end.txt is the last fifth of "
        "corpus.txt. `--per-token` colours the text itself.",
        ("begin.txt",),
        (
            "seqcli train begin.txt --steps 300 --force -q",
            "seqcli evaluate end.txt -m begin.seqcli --plot surprise.svg",
        ),
        "surprise.svg",
    ),
    Picture(
        "Where a translator looked",
        "A row a letter that was written, a column a letter that was read: to write a date as ISO 8601 has "
        "it, the network looks at the year first, then for the month, then for the day. Of models that read "
        "pieces of words, rows and columns are words. Up to twelve texts are drawn.",
        ("days.csv", "asked.txt"),
        (
            "seqcli train days.csv --hidden-size 64 --embedding-size 32 --epochs 8 --learning-rate 0.005 "
            "--no-refit --force -q",
            "seqcli predict asked.txt -m days.seqcli --plot looked.svg",
        ),
        "looked.svg",
    ),
    Picture(
        "Which letters make a site",
        "What the class of a DNA sequence loses when a letter is another one: the two boxes of a promoter "
        "stand out. sites.csv holds the first of promoters.csv.",
        ("promoters.csv", "sites.csv"),
        (
            "seqcli train promoters.csv --epochs 10 --no-refit --force -q",
            "seqcli explain sites.csv -m promoters.seqcli --plot logo.svg",
        ),
        "logo.svg",
    ),
    Picture(
        "Piano roll",
        "Eight bars that a model wrote; a terminal shows them too.",
        ("tunes",),
        ("seqcli generate tunes -o tune.mid --length 8 --epochs 8 --force --plot roll.svg",),
        "roll.svg",
    ),
    Picture(
        "Where a gradient dies out",
        "Layers × steps: how much of the last step's gradient reaches each step, cell beside cell, before "
        "and after a short training.",
        ("sensor.csv",),
        ("seqcli inspect-gradients sensor.csv --epochs 1 -q -o /dev/null --plot gradients.svg",),
        "gradients.svg",
    ),
    Picture(
        "Comparison",
        "Cells, attention and baselines on one split: how they rank, and how each learns from more rows.",
        ("sensor.csv",),
        (
            "seqcli compare sensor.csv --cells none,gru,transformer --stem none --rows 40,160 --epochs 16 "
            "--no-growth --save few.jsonl --plot compared.svg",
        ),
        "compared.svg",
    ),
)

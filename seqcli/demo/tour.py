"""A tour of recurrent networks in commands that anyone can type, on data that is made here.

The numbers are those of the sixteen subjects of an RNN course; a subject has a section as soon as
this version can show it. ``docs/tour.md`` is this module run and written down.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One stop of the tour."""

    number: int
    title: str
    text: str
    """What to look at, in a paragraph."""
    files: tuple[str, ...]
    """Names of the made files it reads."""
    commands: tuple[str, ...]


SECTIONS = (
    Section(
        1,
        "Memory and word order",
        "Every review sets praise against blame, and the order of the words says which one counts. "
        "Whole sentence templates are kept out of training (--group template), so the network has to "
        "put together what it learned. Look at the test table: the bag of words and word pairs hears "
        "the same adjectives and is left guessing.",
        ("reviews.csv",),
        (
            "seqcli train reviews.csv --group template --force --save order.seqcli",
            "seqcli predict reviews.csv -m order.seqcli --keep label --format jsonl -o order.jsonl",
        ),
    ),
    Section(
        2,
        "Why not a feedforward net",
        "--cell none is the same network whose state is not carried from step to step: each word is "
        "read alone. The parameters are about as many, the memory is gone, and so is the accuracy.",
        ("reviews.csv",),
        ("seqcli train reviews.csv --group template --cell none --epochs 6 --force --save none.seqcli",),
    ),
    Section(
        4,
        "The equations, with a model's own shapes",
        "A GRU is three matrix products and two gates a step. show --equations writes them with the "
        "sizes of a trained model, each gate on one line.",
        ("names.csv",),
        (
            "seqcli train names.csv --hidden-size 64 --epochs 2 --force --save names.seqcli",
            "seqcli show -m names.seqcli --equations",
        ),
    ),
    Section(
        5,
        "Patterns of input and output",
        "Many to one: a sequence gets one label. Many to many: a window of the past becomes the next "
        "ten days, all at once.",
        ("sensor.csv", "prices.csv"),
        (
            "seqcli train sensor.csv --epochs 12 --force --save motions.seqcli",
            "seqcli forecast prices.csv --window 30 --horizon 10 --epochs 4 --force --save ten.seqcli",
        ),
    ),
    Section(
        9,
        "Clipping",
        "Back-propagation through time multiplies many Jacobians, and their product can burst. The "
        "gradient is therefore clipped, always; the closing rules say how often it was needed. A limit "
        "of .05 is reached at nearly every step, the default of 1 seldom.",
        ("sensor.csv",),
        ("seqcli train sensor.csv --cell rnn --clip-norm 0.05 --epochs 6 --force --save clipped.seqcli",),
    ),
    Section(
        11,
        "LSTM sentiment, and what its parameters are",
        "--dry-run stops before training and prints the plan and the parameter table: four gates of "
        "hidden × (input + hidden) weights and two biases each, a layer and direction.",
        ("reviews.csv",),
        ("seqcli train reviews.csv --cell lstm --hidden-size 64 --dry-run",),
    ),
    Section(
        12,
        "GRU on prices, and why the scaler comes after the split",
        "The last rows are the test part and the scaler never saw them: fitted on all rows it would "
        "have told the network how high prices will go. The network stands beside the naive forecast, "
        "tomorrow is today, which is hard to beat on prices.",
        ("prices.csv",),
        ("seqcli forecast prices.csv --window 60 --force --save prices.seqcli",),
    ),
    Section(
        13,
        "Bidirectional beside unidirectional",
        "Where the whole input is there, a second network may read it from the end. The two runs "
        "differ in nothing else.",
        ("names.csv",),
        (
            "seqcli train names.csv --no-bidirectional --hidden-size 64 --epochs 3 --force --save one.seqcli",
            "seqcli train names.csv --bidirectional --hidden-size 64 --epochs 3 --force --save both.seqcli",
        ),
    ),
    Section(
        16,
        "The golden rules",
        "Clip the gradient, split before fitting, never shuffle time, choose on validation and read the "
        "test part once: a model's card says how each was kept.",
        ("prices.csv",),
        (
            "seqcli forecast prices.csv --window 30 --epochs 4 --force --save rules.seqcli",
            "seqcli show -m rules.seqcli",
        ),
    ),
)
"""The sections that this version can show, in order."""

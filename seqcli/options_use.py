"""What a user can choose when a saved model is used or looked at: one frozen dataclass a subject.

Nothing here shapes a training; that is in :mod:`seqcli.options`, where an option is explained too.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqcli.option import option


@dataclass(frozen=True)
class PredictOptions:
    """Prediction"""

    keep: tuple[str, ...] = option((), "Columns to keep in the output; all of them.", parse="list")
    probabilities: bool = option(False, "One column of probability a class.")
    top_classes: int | None = option(
        None,
        "So many classes, the likeliest first: prediction_1, probability_1 and so on.",
        at_least=1,
        metavar="K",
        flag="--top-k",
    )
    threshold: tuple[str, float] | None = option(
        None,
        "No class (of several labels: none of those) below P; or CLASS from P on, else another.",
        parse="threshold",
        metavar="P|CLASS=P",
    )
    intervals: tuple[int, ...] | None = option(
        None, "Of numbers: coverage of the intervals, in percent; 80,95.", parse="percents", flag="--interval"
    )
    windows: int | None = option(
        None,
        "Of DNA: what the model reads at once, at every so many bases, a row each.",
        at_least=1,
        metavar="BASES",
    )
    per_step: bool = option(
        False, "Of series that are written again: a row a step, with what was written and its score."
    )
    as_name: str = option("prediction", "Name of the prediction column.", metavar="NAME", flag="--as")
    on_error: str = option(
        "empty", "A bad row gets an empty prediction, or ends the run.", choices=("empty", "stop")
    )


@dataclass(frozen=True)
class TranslateOptions:
    """Translation"""

    beams: int | None = option(
        None,
        "Texts followed side by side to find the best: of translations 5, of speech 1.",
        at_least=1,
        below=1025,
        metavar="N",
        flag="--beam",
    )
    length_penalty: float | None = option(
        None, "Compare log-probabilities over length to this power: 1; 0 favours short texts.", at_least=0.0
    )
    n_best: int | None = option(
        None, "So many translations of each text, the best first, with their scores.", at_least=1, metavar="N"
    )
    align: bool = option(
        False, "Show where the model looked for each token: a heat map, in a pipe JSON lines."
    )


@dataclass(frozen=True)
class SpeechOptions:
    """Speech"""

    transcripts: int | None = option(
        None,
        "Follow so many transcripts of a clip at a time, not the best path alone.",
        at_least=1,
        below=1001,
        metavar="K",
        flag="--beam",
    )


@dataclass(frozen=True)
class FusionOptions:
    """Speech, with a language model"""

    language_model: str | None = option(
        None, "Prefer texts that this model of characters, trained on text, holds likely too.", metavar="DIR"
    )
    lm_weight: float | None = option(
        None, "How much it counts beside what is heard: 0.5.", at_least=0.0, below=101.0
    )


@dataclass(frozen=True)
class ListenOptions:
    """Speech, as it comes"""

    stream: bool = option(
        False, "Write letters while sound comes in, as from arecord; train with --no-bidirectional."
    )
    raw: int | None = option(
        None,
        "With --stream: no wav header, but samples of 16 bits, one channel, so many a second.",
        at_least=1000,
        below=400_001,
        metavar="RATE",
    )


@dataclass(frozen=True)
class WatchOptions:
    """Watching, with a saved model"""

    follow: bool = option(False, "Forecast after each row that a pipe sends, such as tail -n +1 -f FILE.")
    flag_anomalies: bool = option(
        False, "Mark rows outside the widest --interval forecast for them one step before."
    )


@dataclass(frozen=True)
class EvaluateOptions:
    """Evaluation"""

    fail_under: tuple[tuple[str, float], ...] = option(
        (),
        "Exit 1 when a metric is worse than this: below it, of an error (mae, log_loss) above it.",
        parse="limits",
        metavar="METRIC=X",
    )
    per_token: bool = option(
        False, "One row for each token: how well it was foreseen; on a terminal the text, coloured."
    )
    dynamic: bool = option(
        False, "Also let a language model learn from the text as it is scored: first scored, then learnt."
    )


@dataclass(frozen=True)
class BacktestOptions:
    """Backtest, which trains"""

    folds: int | None = option(
        None,
        "Train and test a forecast on as many later blocks of rows; --no-refit trains once.",
        at_least=1,
        below=1001,
    )
    protocol: str | None = option(
        None,
        "Train and test a forecast as papers do, on z-scores or on the last horizon.",
        choices=("ltsf", "m4"),
    )


@dataclass(frozen=True)
class TuneOptions:
    """Tuning"""

    trials: int | None = option(
        None, "Trainings to try; 20 where no time is given.", at_least=1, below=100_001
    )
    tuning_time: float | None = option(
        None,
        "Time for all trials together, such as 10m; the defaults run to their end.",
        parse="duration",
        metavar="TIME",
        flag="--time-budget",
    )
    config_out: str | None = option(
        None,
        "Configuration to write; the input's name with .tuned.toml.",
        metavar="FILE.toml",
        flag="--save",
    )
    go_on: bool = option(False, "Go on behind the last finished trial of this file.", flag="--resume")


@dataclass(frozen=True)
class CompareOptions:
    """What to compare"""

    compared: tuple[str, ...] = option(
        (), "Cells, and transformer; all that fit the task.", parse="list", flag="--cells"
    )
    seeds: int = option(1, "Trainings of each, from as many seeds, on one split.", at_least=1, below=1001)
    rows: tuple[int, ...] = option(
        (), "Train on so many drawn rows: 100,300,1000 shows what little data does.", parse="counts"
    )
    comparing_time: float | None = option(
        None,
        "Time for all together, 2m: an equal share for each training.",
        parse="duration",
        metavar="TIME",
        flag="--time-budget",
    )
    growth: bool = option(True, "Measure how time and memory grow with length: 32 to 2048 steps.")
    compared_out: str | None = option(
        None,
        "Where each training is noted; the input's name with .compared.jsonl.",
        metavar="FILE.jsonl",
        flag="--save",
    )
    compare_on: bool = option(False, "Go on behind the last finished training of this file.", flag="--resume")


@dataclass(frozen=True)
class DemoOptions:
    """A problem of long memory"""

    remembered: int | None = option(
        None,
        "Steps to remember over: 200; of digits 8 rows, or 64 dots.",
        at_least=1,
        below=100_001,
        flag="--steps",
    )
    sequences: int | None = option(
        None,
        "Sequences to write: 3000, of copying and dates 10000, of digits all 1797.",
        at_least=20,
        below=1_000_001,
    )
    drawn_from: int = option(0, "Seed of the sequences.", at_least=0, flag="--seed")


@dataclass(frozen=True)
class ExplainOptions:
    """What to explain"""

    method: str = option(
        "occlusion",
        "Of a text: what the class loses without a token, or gradients integrated up to the text.",
        choices=("occlusion", "gradients"),
    )
    row: int | None = option(
        None, "Of rows and texts: the one of this row, as messages count.", at_least=1, metavar="N"
    )
    word: str | None = option(None, "Of tags: this word alone, wherever it stands.", metavar="WORD")
    series: str | None = option(None, "Of a forecast: one series of many; the first ones.", metavar="NAME")
    steps_ahead: int | None = option(
        None, "Of a forecast: one step, from 1 on; the mean over all steps.", at_least=1, metavar="N"
    )
    shuffle_seed: int = option(0, "Of a forecast: seed of the shuffles.", at_least=0, flag="--seed")


@dataclass(frozen=True)
class GenerateOptions:
    """Writing"""

    prompt: str | None = option(None, "What the text begins with; - reads it from stdin.", metavar="TEXT")
    length: int | None = option(None, "Characters to write (500), words (100), or bars (32).", at_least=1)
    temperature: float = option(
        0.8, "Below 1 the likely tokens come more often, above 1 less; 0 takes the likeliest.", at_least=0.0
    )
    top_k: int | None = option(None, "Draw among this many likeliest tokens only.", at_least=1)
    top_p: float | None = option(
        None, "Draw among the likeliest tokens that hold this share only.", at_least=0.0
    )
    min_p: float | None = option(
        None, "Draw among tokens at least this share as likely as the likeliest only.", at_least=0.0
    )
    repetition_penalty: float | None = option(
        None, "Make what came lately less likely: 1.2 is mild; logits are divided by it.", at_least=0.1
    )
    repetition_window: int | None = option(
        None, "Tokens back to which --repetition-penalty looks; 64.", at_least=1, below=4097
    )
    logit_bias: tuple[tuple[str, float], ...] = option(
        (),
        "Add X to the logit of a token, such as 'e=-2'; -inf forbids it; \\n, \\t and \\\\ are read.",
        parse="biases",
        metavar="TOKEN=X",
    )
    beam: int | None = option(
        None,
        "Search for the text whose tokens are likeliest on average, with so many beams.",
        at_least=1,
        below=1025,
        metavar="N",
    )
    sample_seed: int | None = option(None, "Seed of the draws; the value of --seed.", at_least=0)
    stop: str | None = option(None, "End ahead of this text; \\n is a line break.", metavar="TEXT")
    n: int = option(1, "Texts to write, one after the other.", at_least=1)
    given: str | None = option(
        None,
        "Write for this value of a column, several by commas: category=food,rating=4.",
        metavar="COLUMN=VALUE",
    )
    interactive: bool = option(
        False, "Write after each line that is typed, and remember what came before; Ctrl-D ends."
    )
    state_in: str | None = option(
        None, "Go on where the run ended that wrote this state.", metavar="FILE.safetensors"
    )
    state_out: str | None = option(
        None, "Write the state at the end, to go on from with --state-in.", metavar="FILE.safetensors"
    )


@dataclass(frozen=True)
class MusicOptions:
    """Music"""

    prompt_file: str | None = option(None, "What the music begins with, a .mid file.", metavar="FILE")
    render: str | None = option(None, "Make sound of it too, as a .wav file.", metavar="FILE")


@dataclass(frozen=True)
class ShowOptions:
    """What to show"""

    equations: bool = option(False, "The network's equations, with this model's shapes.")
    trace: str | None = option(
        None, "Gates and states while the model reads this text, as a heat map.", metavar="TEXT"
    )
    data: str | None = option(
        None,
        "With -o report.html: a file with answers; its figures, mistakes or forecast too.",
        metavar="FILE",
    )


@dataclass(frozen=True)
class ExportOptions:
    """The export"""

    int8: bool = option(False, "A model with weights of 8 bits: a quarter of the size, used as any other.")
    measured_on: str | None = option(
        None, "With --int8: a labelled file, to measure both models on.", metavar="FILE", flag="--data"
    )
    directory: str | None = option(
        None,
        "Directory to write; the model's name with .onnx, or .int8.seqcli.",
        flag="--output -o",
        metavar="DIR",
    )


@dataclass(frozen=True)
class InspectOptions:
    """What to inspect"""

    cells: tuple[str, ...] = option(("rnn", "lstm", "gru"), "Cells to set side by side.", parse="list")
    look_back: int | None = option(
        None, "Steps to look back; 100, or what the sequences have.", at_least=2, below=10_001, flag="--steps"
    )
    init_scale: float = option(1.0, "Multiply W_hh at the start; 2 may explode.", at_least=0.0)
    linear: float | None = option(
        None, "Only a linear cell whose W_hh scales every vector by X.", at_least=0.0
    )
    look_every: int | None = option(
        None,
        "Also look every K steps of the training.",
        at_least=1,
        below=1_000_001,
        metavar="K",
        flag="--every",
    )
    show_all: bool = option(
        False,
        "Show all tables: Jacobians, exponents, gates, W_hh, truncation, steps; and the heat map.",
        flag="--full",
    )

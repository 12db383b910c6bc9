"""``seqcli generate`` where music is meant: pieces as MIDI files, as sound, as pictures, as rows of notes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.cli.find_or_train import Wanted, dry_run, find_or_train, typed_in
from seqcli.cli.use import open_model
from seqcli.errors import SeqcliError, UsageError
from seqcli.options import ModelOptions, Options, OutputOptions, PlotOptions, RunOptions, TrainingOptions
from seqcli.options_use import GenerateOptions, MusicOptions
from seqcli.readers.roles import counted
from seqcli.reporting.plots import check_plot
from seqcli.reporting.results import check_output, check_place, result_format, whole_file, write_result
from seqcli.reporting.screen import Screen, is_plain, is_terminal
from seqcli.results import ResultColumn, ResultTable

if TYPE_CHECKING:
    from seqcli.inference.music import Written
    from seqcli.model_dir import SavedModel
    from seqcli.readers.score import Score

TASKS = ("music", "pianoroll")
FOR_TEXT = frozenset(
    {"prompt", "stop", "given", "beam", "interactive", "logit_bias", "state_in", "state_out"}
    | {"repetition_penalty", "repetition_window"}
)
"""Options of ``generate`` that mean nothing to music."""
ROWS = frozenset({".csv", ".jsonl", ".json"})


def task_meant(call: Invocation) -> str:
    """The task of the model that ``generate`` is to train or use, where it is one of music; else "".

    A model that cannot be found or read is left to whoever opens it, to say so.
    """
    if call.files:
        from seqcli.readers.music import midi_files
        from seqcli.readers.rolls import roll_file

        return "music" if midi_files(call.files) else "pianoroll" if roll_file(call.files) else ""
    from seqcli.model_dir import find_model

    try:
        path = find_model(call.group(ModelOptions).model)
        name = json.loads((path / "model.json").read_bytes())["task"]["name"]
        return str(name).partition(".")[0] if str(name).partition(".")[0] in TASKS else ""
    except (SeqcliError, OSError, ValueError, LookupError, TypeError):
        return ""


def refuse_music_options(call: Invocation) -> None:
    """Raise UsageError for an option that only music has, where text is meant."""
    for name in ("prompt_file", "render", "plot"):
        if name in call.typed:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} goes with music, and this is text", f"leave out {flag}")


def play(call: Invocation, task: str) -> int:
    """Write pieces of music; what is said of them, and a picture of the first, goes to stderr."""
    output, options = call.group(OutputOptions), call.group(GenerateOptions)
    music, plot = call.group(MusicOptions), call.group(PlotOptions)
    for name in sorted(FOR_TEXT & call.typed):
        flag = "--" + name.replace("_", "-")
        hint = "--prompt-file start.mid begins with music" if name == "prompt" else f"leave out {flag}"
        raise UsageError(f"{flag} goes with text, and this is music", hint)
    for flag, share in (("--top-p", options.top_p), ("--min-p", options.min_p)):
        if share is not None and share > 1:
            raise UsageError(f"{flag}: {share:g} is too large", "the largest value is 1")
    places = _places(output, options.n, ".mid")
    sounds = _sounds(music.render, options.n)
    check_plot(plot, output)
    screen = Screen(output.quiet, output.verbose)
    prompt = _read_prompt(music.prompt_file)
    stdin = typed_in(call.files)
    if call.group(RunOptions).dry_run:
        if not call.files:
            raise UsageError("a dry run needs files", "seqcli generate tunes/ --dry-run")
        return dry_run(call, _training(call, task), screen)
    model = _model(call, task, screen, stdin)
    seed = call.group(TrainingOptions).seed if options.sample_seed is None else options.sample_seed
    compose = _compose if task == "music" else _play_frames
    pieces = compose(model, prompt, options, seed, screen)
    _write(pieces, places, output, screen)
    if sounds:
        _render(pieces, sounds, screen)
    _show(model, pieces, plot, screen)
    return 0


def _places(output: OutputOptions, count: int, ending: str) -> list[Path | None] | None:
    """Where each piece goes, None for stdout; None in all where rows of notes are the result.

    Raises UsageError for bytes on a terminal and for several pieces in one pipe.
    """
    check_output(output)
    named = output.output not in (None, "-")
    suffix = Path(str(output.output)).suffix.lower() if named else ""
    if output.format or suffix in ROWS:
        return None
    if named:
        if suffix not in (ending, ".midi"):
            raise UsageError(
                f"-o {output.output}: music is written as {ending}",
                f"-o {Path(str(output.output)).with_suffix(ending)}"
                + (
                    "; --render makes sound of it" if suffix == ".wav" else "; .csv or .jsonl lists its notes"
                ),
            )
        return list(_numbered(Path(str(output.output)), count, "-o"))
    if is_terminal(sys.stdout):
        raise UsageError(
            "music is no text for a terminal", "-o tune.mid writes a file, --format table lists the notes"
        )
    if count > 1:
        raise UsageError(
            f"{count} pieces cannot go down one pipe", f"-o tune.mid writes tune-1.mid to tune-{count}.mid"
        )
    return [None]


def _numbered(target: Path, count: int, flag: str) -> list[Path]:
    """tune.mid, or of several tune-1.mid, tune-2.mid and so on; each can be written."""
    if count == 1:
        return [target]
    places = [target.with_name(f"{target.stem}-{number}{target.suffix}") for number in range(1, count + 1)]
    for place in places:
        check_place(place, flag)
    return places


def _sounds(named: str | None, count: int) -> list[Path]:
    if named is None:
        return []
    target = Path(named)
    if target.suffix.lower() != ".wav":
        raise UsageError(
            f"--render {named}: sound is written as .wav", f"--render {target.with_suffix('.wav')}"
        )
    check_place(target, "--render")
    return _numbered(target, count, "--render")


def _read_prompt(named: str | None) -> Score | None:
    """The piece that the written ones go on with."""
    if named is None:
        return None
    from seqcli.readers.music import SCORE, midi_files, read_pieces
    from seqcli.readers.score import Score

    if not named.lower().endswith((".mid", ".midi")):
        raise UsageError(
            f"--prompt-file {named}: a prompt of music is a .mid file", "--prompt-file start.mid"
        )
    return Score.from_text(read_pieces(midi_files([named]), named).cells(SCORE)[0])


def _training(call: Invocation, task: str) -> Options:
    options = call.training()
    return replace(options, columns=replace(options.columns, task=task))


def _model(call: Invocation, task: str, screen: Screen, stdin: bytes | None) -> SavedModel:
    """The model named by -m; without files the only one here; else the one that the files mean."""
    named = call.group(ModelOptions).model
    if call.files and named is not None:
        raise UsageError(
            f"generate learns from {call.files[0]} or writes with -m {named}, not both",
            "--prompt-file begins with a piece of music",
        )
    if call.files:
        wanted = Wanted("generate", task, obeyed=frozenset())
        return find_or_train(wanted, call, _training(call, task), screen, stdin)[0]
    used, hint = ("the only model here", "{flag} goes with files to learn from")
    if named is not None:
        used, hint = f"-m {named}", "leave out {flag}, or give files instead of -m"
    Wanted("generate", task, obeyed=frozenset({"seed"})).refuse_training(call, used, hint)
    return open_model(named, screen)


def _compose(
    model: SavedModel, prompt: Score | None, options: GenerateOptions, seed: int, screen: Screen
) -> Sequence[Written]:
    """As many pieces as asked; each has draws of its own, whatever the length of those before it."""
    import numpy as np

    from seqcli.inference.music import Composer
    from seqcli.inference.sampling import Sampler

    composer = Composer(model)
    opening = composer.begin(prompt)
    if opening.note:
        screen.warn(opening.note)
    sampler = Sampler(options.temperature, options.top_k, options.top_p, options.min_p)
    return [
        composer.write(opening, sampler, np.random.default_rng([seed, number]), options.length)
        for number in range(options.n)
    ]


def _play_frames(
    model: SavedModel, prompt: Score | None, options: GenerateOptions, seed: int, screen: Screen
) -> Sequence[Written]:
    """The same of a model of piano rolls, whose keys are drawn one by one."""
    import numpy as np

    from seqcli.inference.frames import USUAL_STEPS, Player
    from seqcli.inference.music import Written
    from seqcli.inference.sampling import Sampler

    chosen = (("--top-k", options.top_k), ("--top-p", options.top_p), ("--min-p", options.min_p))
    for flag, value in chosen:
        if value is not None:
            raise UsageError(
                f"{flag} chooses among events, and each key of a piano roll is drawn by itself",
                f"leave out {flag}; --temperature .5 draws the likely keys",
            )
    player = Player(model, prompt)
    pieces = []
    for number in range(options.n):
        rng = np.random.default_rng([seed, number])
        score, logprob = player.write(Sampler(options.temperature), rng, options.length)
        pieces.append(Written(score, logprob, f"cut after {counted(options.length or USUAL_STEPS, 'step')}"))
    return pieces


def _write(
    pieces: Sequence[Written], places: list[Path | None] | None, output: OutputOptions, screen: Screen
) -> None:
    """Each piece to its place, or rows of all notes."""
    from seqcli.reporting.midi_file import midi_bytes

    if places is None:
        if result_format(output) == "table" and not output.format:
            output = replace(output, format="csv")
        write_result(note_table([piece.score for piece in pieces]), output)
        return
    for number, (piece, place) in enumerate(zip(pieces, places, strict=True), start=1):
        content = midi_bytes(piece.score)
        name = str(place) if place else f"piece {number}"
        if not piece.score.notes:
            screen.warn(f"{name} holds no note: the model wrote nothing that sounds")
        if place is None:
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
            continue
        with whole_file(place) as stream:
            stream.write(content)
        screen.line(f"{name}: {counted(len(piece.score.notes), 'note')}, {piece.ended}", "dim")


def _render(pieces: Sequence[Written], places: Sequence[Path], screen: Screen) -> None:
    """Each piece as sound."""
    from seqcli.reporting.synth import wave_bytes

    for piece, place in zip(pieces, places, strict=True):
        content, seconds = wave_bytes(piece.score)
        with whole_file(place) as stream:
            stream.write(content)
        screen.line(f"{place}: {seconds:.1f} s of sound", "dim")


def _show(model: SavedModel, pieces: Sequence[Written], plot: PlotOptions, screen: Screen) -> None:
    """The first piece as a roll, the figures of all beside those of the corpus, and the picture."""
    from seqcli.inference.trust import saved_task
    from seqcli.reporting.roll import RollFigure, draw_roll, shown_bars, write_rolls
    from seqcli.reporting.training import show_tables
    from seqcli.tasks.music_stats import Style
    from seqcli.tasks.music_tables import style_table

    sounding = [piece.score for piece in pieces if piece.score.notes]
    if sounding and not screen.quiet:
        width = min(screen.width, 120)
        shown, bars = shown_bars(sounding[0], width)
        part = f"bars 1 to {shown} of {bars}" if shown < bars else counted(bars, "bar")
        of = "the first piece, " if len(pieces) > 1 else ""
        screen.line(f"\n{of}{part}", "bold")
        for line in draw_roll(sounding[0], width, is_plain(screen.stream)):
            screen.pieces([(line, "")])
        screen.line("")
    corpus: Style = getattr(saved_task(model), "style")  # noqa: B009 – both tasks of music have one
    show_tables(screen, (style_table([Style.of([piece.score]) for piece in pieces], corpus),))
    write_rolls(RollFigure(f"Written by {model.path.name}", sounding), plot, screen)


def note_table(scores: Sequence[Score]) -> ResultTable:
    """A row for each note; times in quarter notes."""
    columns = [
        ResultColumn(name)
        for name in ("piece", "bar", "start", "length", "part", "program", "pitch", "name", "velocity")
    ]
    return ResultTable("Notes", tuple(columns), [row for n, s in enumerate(scores, 1) for row in _rows(n, s)])


def _rows(number: int, score: Score) -> list[tuple[int | float | str, ...]]:
    """The notes of one piece."""
    from bisect import bisect_right

    from seqcli.preprocessing.tunes import bars_of
    from seqcli.tasks.music_stats import pitch_name

    starts = [start for start, _, _ in bars_of(score)]
    return [
        (
            number, bisect_right(starts, note.start), round(note.start / score.division, 4),
            round(note.length / score.division, 4), note.part + 1,
            "drums" if score.parts[note.part].drums else score.parts[note.part].program,
            note.pitch, pitch_name(note.pitch), note.velocity,
        )
        for note in score.notes
    ]  # fmt: skip

"""``seqcli predict --stream``: what is said, letter by letter, while it is being said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.errors import UsageError
from seqcli.options import OutputOptions
from seqcli.options_use import ListenOptions
from seqcli.reporting.results import CONLL, TEXT_LINES, RowWriter, result_format, result_stream
from seqcli.reporting.screen import Screen, is_terminal

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel

OBEYED = frozenset({"model", "stream", "raw", "format", "output", "quiet", "verbose", "config"})
SEARCHES = ("beams", "language_model", "lm_weight")
NAMES = {"beams": "--beam", "as_name": "--as", "top_classes": "--top-k", "intervals": "--interval"}
"""Flags that are not called as their options are."""
PIPED = "arecord -f S16_LE -r 16000 | seqcli predict - --stream"


def check_listening(call: Invocation) -> bool:
    """Whether sound is to be listened to. Raises UsageError for options that do not go together."""
    options = call.group(ListenOptions)
    if not options.stream:
        if options.raw is not None:
            raise UsageError(
                "--raw is of sound that comes through a pipe, which --stream reads", "add --stream"
            )
        return False
    for name in sorted(call.typed - OBEYED):
        flag = NAMES.get(name, "--" + name.replace("_", "-"))
        why = f"{flag} is of rows, and --stream writes what one sound says"
        if name in SEARCHES:
            why = "--stream writes each letter at once, and a search would take some back"
        raise UsageError(why, f"leave out {flag}, or --stream")
    output = call.group(OutputOptions)
    if output.output not in (None, "-"):
        where = f"> {output.output} in its place"
        raise UsageError("-o writes a file when all is done, and --stream may have no end", where)
    if output.format == CONLL:
        raise UsageError("--format conll has a tag for each word, and this writes letters", "--format jsonl")
    if not call.files and is_terminal(sys.stdin):
        raise UsageError("--stream listens to a pipe, and stdin is a terminal", PIPED)
    return True


def predict_sound(call: Invocation, model: SavedModel, screen: Screen) -> int:
    """Write letters as they are heard: a running text, or with --format rows of the second and the letter."""
    from seqcli.inference.listening import HEARD_COLUMNS, listen, listener
    from seqcli.readers.wav_stream import open_sound

    task, output = listener(model), call.group(OutputOptions)
    sound = open_sound(call.files[0] if call.files else "-", call.group(ListenOptions).raw)
    try:
        form = result_format(output) if output.format else TEXT_LINES
        brought = "" if sound.rate == task.sound.rate else f", brought to {task.sound.rate:,}"
        screen.line(f"{sound.name}: {sound.rate:,} samples a second{brought}", "dim")
        count = 0
        with result_stream(output) as sink:
            writer = None if form == TEXT_LINES else RowWriter(HEARD_COLUMNS, form, sink, computed=1)
            try:
                for letters in listen(model, sound):
                    count += len(letters)
                    if writer is None:
                        sink.write("".join(letter.letter for letter in letters))
                        sink.flush()
                        continue
                    for letter in letters:
                        writer.write(letter)
                    writer.flush()
            except KeyboardInterrupt:  # which is how a microphone is turned off
                sink.write("\n" if writer is None else "")
                raise
            if writer is None:
                sink.write("\n")
            else:
                writer.close()
    finally:
        sound.close()
    screen.detail(f"{count:,} letters")
    return 0

"""How ``generate`` draws: the options that go together, the sampler they mean, and the loop of prompts."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, TrainingOptions
from seqcli.options_use import GenerateOptions
from seqcli.readers.sources import bad_character
from seqcli.reporting.results import check_place, whole_file
from seqcli.reporting.screen import Screen, is_terminal
from seqcli.reporting.texts import TEXT, text_format, write_prompted

if TYPE_CHECKING:
    import numpy as np

    from seqcli.inference.generate import Beginning, Sample, Tokens, Writer
    from seqcli.inference.sampling import Sampler
    from seqcli.model_dir import SavedModel

DRAWING = ("temperature", "top_k", "top_p", "min_p", "sample_seed")
"""Options that mean nothing where nothing is drawn."""
WINDOW = 64
PROMPT = "> "


def check_writing(call: Invocation, options: GenerateOptions, output: OutputOptions) -> None:
    """Raise UsageError for options that are out of range or mean nothing together."""
    for name, share in (("--top-p", options.top_p), ("--min-p", options.min_p)):
        if share is not None and share > 1:
            raise UsageError(f"{name}: {share:g} is too large", "the largest value is 1")
    if options.repetition_window is not None and options.repetition_penalty is None:
        raise UsageError("--repetition-window goes with a penalty", "add --repetition-penalty 1.2")
    if options.beam is not None:
        for name in DRAWING:
            if name in call.typed:
                flag = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{flag} is about draws, and --beam draws nothing",
                    f"leave out {flag} or --beam",
                )
        if options.n > options.beam:
            raise UsageError(f"--beam {options.beam} finds no {options.n} texts", f"--beam {options.n} does")
    if options.interactive:
        _check_interactive(call, options, output)
    elif options.state_out is not None and options.n > 1:
        raise UsageError("--state-out is of one text", "leave out --n")
    if options.state_out is not None:
        if options.beam is not None:
            raise UsageError("--state-out is of a text that was drawn", "leave out --beam or --state-out")
        check_place(Path(options.state_out), "--state-out")


def _check_interactive(call: Invocation, options: GenerateOptions, output: OutputOptions) -> None:
    """A conversation is one text after the other, on stdout as it is drawn."""
    idle = [name for name in ("beam", "n", "format", "output") if name in call.typed]
    if idle:
        flag = "--" + idle[0]
        raise UsageError(f"{flag} does not go with --interactive", f"leave out {flag}")
    if options.prompt == "-" or "-" in call.files:
        raise UsageError("stdin cannot be read for --interactive and for something else too", "name a file")
    assert text_format(output) == TEXT


def sampler_of(options: GenerateOptions, writer: Writer) -> Sampler:
    """The sampler that was asked for."""
    from seqcli.inference.sampling import Sampler

    bias = tuple((writer.token_id(token), more) for token, more in options.logit_bias)
    if sum(more == float("-inf") for _, more in bias) >= writer.size:
        raise UsageError("--logit-bias: every token is forbidden", "leave one")
    return Sampler(
        options.temperature,
        options.top_k,
        options.top_p,
        options.min_p,
        1.0 if options.repetition_penalty is None else options.repetition_penalty,
        options.repetition_window or WINDOW,
        bias,
    )


@dataclass
class Session:
    """A model that writes: where its text begins, how it draws, and with which draws."""

    model: SavedModel
    writer: Writer
    sampler: Sampler
    beginning: Beginning
    options: GenerateOptions
    seed: int
    held: np.random.Generator | None = None
    """The generator of a state that is gone on with."""
    tokens: Tokens | None = None
    """Those of the text that was written last."""

    @classmethod
    def open(
        cls, call: Invocation, model: SavedModel, given: Mapping[str, str] | None, prompt: str, screen: Screen
    ) -> Session:
        """Read the model, the state to go on from and the prompt; what is odd about them is said."""
        from seqcli.inference.generate import Writer

        options = call.group(GenerateOptions)
        writer = Writer(model, given)
        sampler, held = sampler_of(options, writer), None
        if options.state_in is not None:
            from seqcli.inference.state_file import read_state

            state = read_state(options.state_in, model, writer)
            beginning = writer.go_on(prompt, state.beginning)
            if not call.typed & {"seed", "sample_seed"}:
                held = state.rng
        else:
            beginning = writer.begin(prompt)
        for note in (writer.note, beginning.note):
            if note:
                screen.warn(note)
        stop = options.stop or ""
        if re.fullmatch(r"(\\n)+", stop):  # as it is typed where the shell does not make it a line break
            stop = stop.replace(r"\n", "\n")
        seed = call.group(TrainingOptions).seed if options.sample_seed is None else options.sample_seed
        return cls(model, writer, sampler, beginning, replace(options, stop=stop), seed, held)

    @property
    def length(self) -> int:
        """Tokens of a text, at most."""
        return self.options.length or self.writer.usual_length

    def rng(self, number: int) -> np.random.Generator:
        """The draws of the text ``number``; the first goes on with those of the state."""
        import numpy as np

        if number == 0:
            self.held = self.held or np.random.default_rng([self.seed, 0])
            return self.held
        return np.random.default_rng([self.seed, number])

    def samples(self) -> Iterator[Sample]:
        """As many texts as asked; each has draws of its own, whatever the length of those before it."""
        from seqcli.inference.generate import Sample

        if self.options.beam is not None:
            from seqcli.inference.beam import BeamSearch

            search = BeamSearch(self.writer, self.beginning, self.sampler, self.options.beam)
            yield from search.samples(self.length, self.options.stop or "", self.options.n)
            return
        for number in range(self.options.n):
            self.tokens = self.writer.tokens(self.beginning, self.sampler, self.rng(number))
            yield Sample(self.tokens, self.length, self.options.stop or "")

    def talk(self, stream: IO[str], screen: Screen) -> None:
        """A text after each line that is typed; what is written is all that the model has read."""
        from seqcli.inference.generate import Sample

        at = self.beginning
        typed: str | None = at.prompt or next_line(screen)
        while typed is not None:
            if at.prompt:
                at = replace(at, prompt="")
            elif typed:
                ahead = "" if at.line_ended else "\n"
                at = self.writer.go_on(ahead + typed, at)
                if at.note:
                    screen.warn(at.note)
            self.tokens = self.writer.tokens(at, self.sampler, self.rng(0))
            sample = Sample(self.tokens, self.length, self.options.stop or "")
            write_prompted(sample, typed, stream)
            at = self.tokens.end()
            typed = next_line(screen)

    def save(self) -> None:
        """Write the state behind the last text, where that was asked for."""
        if self.options.state_out is None:
            return
        from seqcli.inference.state_file import state_bytes

        end = self.beginning if self.tokens is None else self.tokens.end()
        with whole_file(Path(self.options.state_out)) as file:
            file.write(state_bytes(self.model, self.writer, end, self.rng(0)))


def next_line(screen: Screen) -> str | None:
    """The next line that is typed, None at the end of input."""
    asks = is_terminal(sys.stdin)
    try:
        if asks and is_terminal(sys.stdout):
            line = input(PROMPT)  # which can be edited
        else:
            if asks:
                screen.stream.write(PROMPT)
                screen.stream.flush()
            line = sys.stdin.readline()
            if not line:
                return None
    except EOFError:
        sys.stdout.write("\n")
        return None
    line = line.rstrip("\r\n")
    if fault := bad_character(line):
        raise UsageError(f"stdin: holds {fault}", "a prompt is text in UTF-8")
    return line

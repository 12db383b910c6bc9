"""A saved language model beside a transcriber: of texts that sound alike, the likelier one is written.

    score(text) = log P(text | sound) + weight · log P(text, its end)

which is shallow fusion: the language model has learnt from text alone, and both meet where texts are compared
(Graves and Jaitly 2014, Towards end-to-end speech recognition with recurrent neural networks; Hannun et al.
2014, First-pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import UsageError
from seqcli.inference.kinds import Some, language_task, with_beam
from seqcli.inference.stream import States, StreamSession
from seqcli.model_dir import SavedModel, find_model, read_model
from seqcli.options_use import FusionOptions
from seqcli.preprocessing.vocabulary import UNKNOWN
from seqcli.sequences import IntArray
from seqcli.tasks.speech.ctc import BLANK, Text

if TYPE_CHECKING:
    from seqcli.tasks.transcribe import Transcribe

USUAL_WEIGHT, USUAL_BEAM = 0.5, 8
NAMED = 8
"""Letters that a language model lacks and that are named."""


def with_search(task: Some, model: SavedModel, beam: int | None, options: FusionOptions) -> Some:
    """``task`` as it looks for texts: with so many beams, and a language model where one is named.

    Raises UsageError where a transcriber's search makes no sense, or the two models do not go together.
    """
    if options.language_model is None:
        if options.lm_weight is not None:
            raise UsageError("--lm-weight weighs a language model", "--language-model DIR names it")
        return with_beam(task, beam)
    if not hasattr(task, "beam"):
        raise UsageError(
            f"--language-model is of transcripts, and {model.path} writes none", "leave out --language-model"
        )
    if beam == 1:
        raise UsageError(
            "--language-model weighs texts that are followed side by side, and --beam 1 follows one",
            f"--beam {USUAL_BEAM}",
        )
    letters = cast("Transcribe", task).letters
    weight = USUAL_WEIGHT if options.lm_weight is None else options.lm_weight
    foresight = SavedForesight(read_model(find_model(options.language_model)), letters, weight)
    searching = replace(cast("Transcribe", task), beam=beam or USUAL_BEAM, foresight=foresight)
    return cast(Some, searching)


class SavedForesight:
    """A :class:`~seqcli.tasks.speech.ctc.Foresight` by a saved model of characters, which counts ``weight``.

    Symbol i of a text is ``letters[i - 1]``. A text begins on a line of its own, and ends with it, where the
    model has read line breaks. Raises UsageError for a model that does not know the letters.
    """

    def __init__(self, model: SavedModel, letters: Sequence[str], weight: float) -> None:
        task, corpus = language_task(model), language_task(model).corpus
        if corpus.level != "characters" or task.conditions or task.given is not None:
            what = (
                f"reads {corpus.level}"
                if corpus.level != "characters"
                else f"writes text that depends on {', '.join(task.plan.features)}"
            )
            raise UsageError(
                f"--language-model {model.path}: {what}, where characters alone are wanted",
                "seqcli train said.txt --task language --level characters",
            )
        known = [corpus.encode(letter) for letter in letters]
        lacking = [
            letter
            for letter, ids in zip(letters, known, strict=True)
            if len(ids) != 1 or int(ids[0]) == UNKNOWN
        ]
        if lacking:
            shown = " ".join(repr(letter) for letter in lacking[:NAMED])
            more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
            raise UsageError(
                f"--language-model {model.path}: has never read {shown}{more}, which transcripts are made of",
                "train it on text that is spelt as the transcripts are",
            )
        self._opening = task.opening()
        end = corpus.encode("\n")
        self._ends = bool(end[0] != UNKNOWN)
        self._ids: IntArray = np.concatenate([end, *known])
        self._weight = weight
        self._streams = StreamSession.open(model, threads=1)
        self._read: dict[Text, tuple[NDArray[np.float64], States]] = {}
        """Of each text asked for last: what comes next, (V,), and the states (1, H) behind it."""

    def behind(self, texts: Sequence[Text]) -> NDArray[np.float64]:
        """Weighted log-probabilities (N, V) of each symbol behind each text, of its end at the blank's place.

        A text whose beginning was asked for the last time costs one step of the network.
        """
        new = [text for text in texts if text not in self._read]
        apart = [text for text in new if not text or text[:-1] not in self._read]
        for text in apart:
            read = [*self._opening.tolist(), *(int(self._ids[symbol]) for symbol in text)]
            self._take([text], np.array([read]), None)
        grown = [text for text in new if text not in self._read]
        if grown:
            states = [self._read[text[:-1]][1] for text in grown]
            together = {name: np.concatenate([state[name] for state in states]) for name in states[0]}
            self._take(grown, self._ids[[text[-1] for text in grown]][:, None], together)
        self._read = {text: self._read[text] for text in texts}
        return np.stack([self._read[text][0] for text in texts])

    def whole(self, text: Text) -> float:
        """The weighted log-probability of a whole text and its end."""
        read = np.concatenate([self._opening, self._ids[list(text)]])
        logits, _ = self._streams.read({"tokens": read[None]})
        logs = self._weighed(logits[0, len(self._opening) - 1 :])  # (L + 1, V)
        return float(logs[np.arange(len(text)), list(text)].sum() + logs[-1, BLANK])

    def _take(self, texts: Sequence[Text], tokens: IntArray, states: States | None) -> None:
        """Read tokens (N, T) behind the states, and keep what comes behind these texts."""
        logits, after = self._streams.read({"tokens": tokens.astype(np.int64)}, states)
        for row, logs in enumerate(self._weighed(logits[:, -1])):
            state = {name: values[row : row + 1] for name, values in after.items()}
            self._read[texts[row]] = (logs, state)

    def _weighed(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits (N, tokens) → weighted log-probabilities (N, V) of the symbols; 0 for an end never read."""
        wide = logits.astype(np.float64)
        top = wide.max(axis=1, keepdims=True)
        logs = wide - top - np.log(np.exp(wide - top).sum(axis=1, keepdims=True))
        found: NDArray[np.float64] = self._weight * logs[:, self._ids]
        if not self._ends:
            found[:, BLANK] = 0.0
        return found

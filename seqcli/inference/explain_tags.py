"""Which words the tag of each word hangs on: each word of a sentence taken away, and what its tags lose.

    effect(t, s) = log-odds of the tag of word t  -  the same where word s is none that was ever met

The probability of a tag is its marginal in the chain over the whole sentence, so that what a word does to its
neighbours' tags by way of the chain counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import DataError, near_miss
from seqcli.inference.effects import WORDS, Block, Effects, odds_against
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.tagging import Tagged, TagPredictions
from seqcli.inference.trust import blamed_on
from seqcli.options_use import PredictOptions
from seqcli.sequences import FloatArray
from seqcli.tasks.tagging.sentences import Sentences

if TYPE_CHECKING:
    from seqcli.inference.effects import Real
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import RecordStream
    from seqcli.tasks.tag import Tag

NO_WORD = ""
"""Stands where a word is taken away: in no vocabulary, and without parts."""
NUMBERS_AT_ONCE = 2**22
"""Chances of tags that are held together."""
KNOWN_WORDS = 10_000
"""Words that are remembered, to name one that is like the one asked for."""


class TagExplanations:
    """The sentences of ``stream`` with what their tags hang on, as they come.

    ``only`` is the number of a row, and the sentence that holds it is shown alone; ``word`` is the one word
    whose tags are asked about. Sentences that cannot be read are named through ``warn``; :meth:`check` then
    raises DataError.
    """

    def __init__(
        self,
        model: SavedModel,
        task: Tag,
        stream: RecordStream,
        warn: Callable[[str], None],
        asked: tuple[int | None, str | None] = (None, None),
    ) -> None:
        self._model, self._task, self._stream, self._warn = model, task, stream, warn
        self._only, self._word = asked
        self._predictions = TagPredictions(model, task, stream, PredictOptions(), warn)
        self._session = GraphSession.open(model)
        self._met: set[str] = set()
        self._found = self._bad = False

    def __iter__(self) -> Iterator[Effects]:
        for sentence in self._sentences():
            if None in sentence.tags or not sentence.words:
                continue
            if self._word is not None and self._word not in sentence.words:
                if len(self._met) < KNOWN_WORDS:
                    self._met.update(sentence.words)
                continue
            self._found = True
            effects = self._effects(sentence)
            if self._word is not None:
                effects = effects.of([at for at, word in enumerate(effects.parts) if word == self._word])
            yield effects
        if self._word is not None and not self._found:
            close = near_miss(self._word, self._met)
            hint = f"did you mean {close!r}?" if close else "write it as it stands in the text"
            raise DataError(f"{self._stream.source}: no word of it is {self._word!r}", hint)

    def check(self) -> None:
        """Raise DataError when a row could not be read; to be called after the last sentence."""
        if self._only is None:
            self._predictions.check()
        elif self._bad:
            raise DataError(f"{self._stream.source}: row {self._only} has no explanation", "correct it")

    def _sentences(self) -> Iterator[Tagged]:
        """All sentences, or the one that is asked for."""
        for sentences in self._predictions:
            for sentence in sentences:
                numbers = [record.number for record in sentence.records]
                if self._only is not None and self._only not in numbers:
                    continue
                yield sentence
                if self._only is not None:
                    for record in sentence.records:
                        if record.error:
                            self._bad = True
                            self._warn(record.error)
                    self._stream.close()
                    return
        if self._only is not None:
            raise DataError(
                f"{self._stream.source}: there is no {self._stream.unit} {self._only}",
                f"{self._stream.unit}s are counted as in the other messages; leave out --row to see all",
            )

    def _effects(self, sentence: Tagged) -> Effects:
        """What each tag of one sentence hangs on."""
        task, words = self._task, sentence.words
        with blamed_on(self._model):
            outputs, ends = self._outputs([words]), np.array([0, len(words)])
            whole, best = task.probabilities(outputs, ends), task.tags(outputs, ends)  # (T, C), (T,)
            odds = odds_against(whole, best)
            without = np.stack([odds_against(chances, best) for chances in self._occluded(words)])
        effects: Real = (odds - without).T  # (T, S)
        tags = [str(tag) for tag in sentence.tags]
        spans = [at for span, _ in sentence.spans for at in range(span.start, span.stop)]
        return Effects(
            row=sentence.name,
            read=sentence.text,
            prediction=" ".join(tags),
            probability=None,
            parts=list(words),
            blocks=[Block(WORDS, list(words), effects)],
            said=tags,
            measures=whole[np.arange(len(words)), best].tolist(),
            drawn=spans if task.labels.scheme is not None else None,
            places=list(range(1, len(words) + 1)),
        )

    def _occluded(self, words: list[str]) -> Iterator[Real]:
        """The chances (T, C) of all tags without each of the words, one after the other."""
        count = max(1, NUMBERS_AT_ONCE // (len(words) * len(self._task.labels.tags)))
        for start in range(0, len(words), count):
            places = range(start, min(start + count, len(words)))
            yield from self._chances([[*words[:at], NO_WORD, *words[at + 1 :]] for at in places])

    def _outputs(self, variants: list[list[str]]) -> FloatArray:
        """What the network says of V sentences of T words each, (V · T, C)."""
        length = len(variants[0])
        offsets = np.arange(len(variants) + 1, dtype=np.int64) * length
        laid = [word for variant in variants for word in variant]
        sentences = Sentences(laid, offsets, np.arange(len(variants)))
        return outputs_for(self._session, self._task.encode_words(sentences))

    def _chances(self, variants: list[list[str]]) -> Real:
        """The probability of each tag, (V, T, C), of V sentences of T words each."""
        outputs = self._outputs(variants)
        length = len(variants[0])
        offsets = np.arange(len(variants) + 1, dtype=np.int64) * length
        found: Real = self._task.probabilities(outputs, offsets).astype(np.float64)
        return found.reshape(len(variants), length, -1)

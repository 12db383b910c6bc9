"""A clip as it is being spoken: samples come in pieces, and the steps of the network go out at once."""

from __future__ import annotations

import numpy as np

from seqcli.preprocessing.mel import MelStream
from seqcli.preprocessing.resampling import Resampler
from seqcli.sequences import FloatArray
from seqcli.tasks.speech.sound import Sound


class Hearing:
    """What :meth:`~seqcli.tasks.speech.sound.Sound.encode` makes of a whole clip, as its samples come.

    All of it looks back alone: bands are scaled by what training has seen. So ``sound`` must not be scaled
    clip by clip, for which a clip has to be over.
    """

    def __init__(self, sound: Sound, rate: int) -> None:
        """``rate`` is that of the samples."""
        assert not sound.per_clip
        self._sound = sound
        self._resampler = None if rate == sound.rate else Resampler(rate, sound.rate)
        self._frames = MelStream(sound.rate, sound.bands)
        self._held: FloatArray = np.empty((0, sound.bands), np.float32)
        """Frames that fill no whole step."""

    def feed(self, samples: FloatArray, final: bool = False) -> FloatArray:
        """The steps (T, width) that are whole with the next ``samples`` (S,); the last one is filled up."""
        if self._resampler is not None:
            samples = self._resampler.feed(samples, final)
        frames = np.concatenate([self._held, self._frames.feed(samples, final)])
        whole = len(frames) if final else len(frames) - len(frames) % self._sound.stack
        self._held = frames[whole:]
        return self._sound.scaled(frames[:whole])

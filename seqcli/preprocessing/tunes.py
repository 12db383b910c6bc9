"""A score on a grid: the form in which music becomes events and comes back from them unchanged.

What is kept: where a note begins, in steps of a quarter note (:data:`STEPS`); how long it is, in steps up to
four quarter notes and in quarter notes above; how loud, in 32 bins; tempo in steps of 5 beats a minute from
20 to 300; meter, from the next bar line on; at most 16 parts. A drum has no length: it is written as a
sixteenth note.
"""

from __future__ import annotations

from dataclasses import replace

from seqcli.readers.score import USUAL_METER, Note, Part, Score, in_order

STEPS = (12, 24)
"""Steps of a quarter note: sixteenths and triplets; and where a corpus needs them, thirty-seconds."""
FINE_SHARE = 0.01
"""Share of notes that must begin between two steps of the coarse grid, on one of the fine, to need it."""
LONG = 4
"""Quarter notes above which only whole ones are told apart."""
LONGEST = 32
LOUDNESS = 4
"""MIDI velocities in a bin."""
MOST_PARTS = 16
TEMPO_STEP, SLOWEST, FASTEST = 5, 20, 300
MOST_BEATS, FINEST_BEAT = 32, 32


def choose_steps(scores: list[Score]) -> int:
    """The coarsest grid of :data:`STEPS` on which all but a few of the notes begin that begin on any."""
    coarse, fine = STEPS
    between = sum(
        note.start * fine % score.division == 0 and note.start * coarse % score.division != 0
        for score in scores
        for note in score.notes
    )
    return fine if between > FINE_SHARE * sum(len(score.notes) for score in scores) else coarse


def on_grid(score: Score, steps: int) -> Score:
    """``score`` with ``steps`` ticks of a quarter note and everything rounded to what events can say.

    A score that is on the grid already comes back equal. Parts come in the order in which they begin.
    """
    kept = _few_parts(score)
    notes = []
    for note in kept.notes:
        part = kept.parts[note.part]
        length = steps // 4 if part.drums else _length(_rounded(note.length, score.division, steps), steps)
        start = _rounded(note.start, score.division, steps)
        notes.append(Note(start, note.part, note.pitch, length, _loudness(note.velocity)))
    cut = [
        note
        if kept.parts[note.part].drums
        else note._replace(length=note.length - (note.length % steps if note.length > LONG * steps else 0))
        for note in in_order(notes)
    ]
    drums_alone = {place for place, part in enumerate(kept.parts) if part.drums}
    whole = [note._replace(length=steps // 4) if note.part in drums_alone else note for note in cut]
    parts, ordered = _by_begin(kept.parts, whole)
    end = max((note.start for note in ordered), default=-1)
    rounded = Score(steps, parts, tuple(ordered))
    return replace(rounded, meters=_meters(score, steps, end), tempos=_tempos(score, steps, end))


def bar_steps(beats: int, beat: int, steps: int) -> int:
    """Steps of a bar of so many beats, each a 1/``beat`` note."""
    return max(1, (8 * steps * beats + beat) // (2 * beat))


def bars_of(score: Score) -> list[tuple[int, int, int]]:
    """(step, beats, beat) of each bar of a score on the grid, up to the one in which the last note begins."""
    end = max((note.start for note in score.notes), default=-1)
    bars, at, (beats, beat) = [], 0, USUAL_METER
    changes = {tick: (a, b) for tick, a, b in score.meters}
    while at <= end:
        beats, beat = changes.get(at, (beats, beat))
        bars.append((at, beats, beat))
        at += bar_steps(beats, beat, score.division)
    return bars


def _rounded(ticks: int, division: int, steps: int) -> int:
    return (2 * ticks * steps + division) // (2 * division)


def _length(length: int, steps: int) -> int:
    if length > LONG * steps:
        return min(max(_rounded(length, steps, 1), LONG), LONGEST) * steps
    return max(length, 1)


def _loudness(velocity: int) -> int:
    return velocity // LOUDNESS * LOUDNESS + LOUDNESS // 2


def _few_parts(score: Score) -> Score:
    """The score with at most so many parts: others join the one of the nearest program."""
    counts = [0] * len(score.parts)
    for note in score.notes:
        counts[note.part] += 1
    used = sorted((place for place, count in enumerate(counts) if count), key=lambda place: -counts[place])
    if len(used) <= MOST_PARTS:
        return score
    kept = sorted(used[:MOST_PARTS])
    into = {place: place for place in kept}
    for place in used[MOST_PARTS:]:
        program, drums = score.parts[place]
        alike = [other for other in kept if score.parts[other].drums == drums]
        if alike:
            into[place] = min(alike, key=lambda other: (abs(score.parts[other].program - program), other))
    notes = tuple(note._replace(part=into[note.part]) for note in score.notes if note.part in into)
    return replace(score, notes=notes)


def _by_begin(parts: tuple[Part, ...], notes: list[Note]) -> tuple[tuple[Part, ...], list[Note]]:
    """Parts numbered in the order in which their first notes come; those without notes left out."""
    numbers: dict[int, int] = {}
    for note in notes:
        numbers.setdefault(note.part, len(numbers))
    ordered = sorted(note._replace(part=numbers[note.part]) for note in notes)
    return tuple(parts[place] for place in numbers), ordered


def _meters(score: Score, steps: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """(step, beats, beat) where the meter changes, always at a bar line; the first at 0."""
    given = [
        (_rounded(tick, score.division, steps), beats, beat)
        for tick, beats, beat in sorted(score.meters)
        if beats <= MOST_BEATS and beat <= FINEST_BEAT
    ]
    found: list[tuple[int, int, int]] = []
    at, now, place = 0, USUAL_METER, 0
    while at <= end:
        before = now
        while place < len(given) and given[place][0] <= at:
            now = given[place][1:]
            place += 1
        if now != before or not found:
            found.append((at, *now))
        if place == len(given):
            break
        size = bar_steps(*now, steps)
        at += size * max(1, (given[place][0] - at + size - 1) // size)  # to the line at or after it
    return tuple(found)


def _tempos(score: Score, steps: int, end: int) -> tuple[tuple[int, int], ...]:
    """(step, microseconds of a quarter note) where the tempo changes, up to the last note."""
    found: dict[int, int] = {}
    for tick, tempo in sorted(score.tempos):
        step = _rounded(tick, score.division, steps)
        if step <= end:
            found[step] = beats_a_minute(tempo)
    kept, now = [], 0
    for step, speed in found.items():
        if speed != now:
            kept.append((step, microseconds(speed)))
            now = speed
    return tuple(kept)


def beats_a_minute(tempo: int) -> int:
    """Microseconds of a quarter note as the nearest tempo that events can say."""
    speed = round(60_000_000 / tempo / TEMPO_STEP) * TEMPO_STEP
    return min(max(speed, SLOWEST), FASTEST)


def microseconds(speed: int) -> int:
    """Beats a minute as microseconds of a quarter note."""
    return round(60_000_000 / speed)

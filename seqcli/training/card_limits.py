"""What a card says that the models of each task are not good for."""

from __future__ import annotations

LIMITS = {
    "forecast": (
        "A forecast takes the future to resemble the past: what the file never showed is not foreseen.",
        "The intervals hold their coverage on average over time as long as errors stay as large as they "
        "were on the {held_out}; they are not a bound.",
    ),
    "classify": (
        "It always answers with one of the classes it was trained on, whatever the input is.",
        "Its probabilities suit the validation part; on other data they may be too sure of themselves.",
    ),
    "multilabel": (
        "It knows the labels it was trained on and no others, and not which of them exclude each other.",
        "From which probability on a label is given was chosen on the validation part; where labels come "
        "more or less often than there, other thresholds are better (`predict --threshold`).",
    ),
    "reconstruct": (
        "What its errors do not show is not found, and usual series of a new kind are taken for odd.",
        "The threshold holds its rate of false alarms for series like those of the {held_out}, "
        "and as roughly as they are few.",
    ),
    "translate": (
        "It writes what is likely after its training pairs: fluent text may leave out, add or change "
        "what the source says.",
        "Texts that are much longer than those of the training part, or of another kind, fare worse.",
    ),
    "tag": (
        "It knows the tags it was trained on and no others; names of a new kind are not found.",
        "Text of another kind than the training sentences is tagged worse, and it does not say so.",
    ),
    "steps": (
        "It always answers with one of the labels it was trained on, whatever the input is.",
        "Neighbouring steps are alike, so that the test steps say less than as many rows by themselves.",
    ),
    "transcribe": (
        "It knows the letters it was trained on, and speech like that of its training clips.",
        "Other microphones, rooms and speakers are transcribed worse, and it does not say so.",
    ),
    "music": (
        "It writes what is likely bar by bar; it knows no form that spans a piece.",
        "It may repeat passages of its training pieces note for note.",
    ),
    "language": (
        "It writes what is likely, which is not what is true.",
        "It may repeat passages of its training text word for word.",
    ),
    "regress": (
        "Values far from those of the training part are extrapolated without a warning.",
        "The intervals hold their coverage on average over rows like those of the {held_out}; "
        "they are not a bound.",
    ),
}
"""By task, what its models are not good for."""

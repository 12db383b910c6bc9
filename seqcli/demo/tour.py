"""A tour of recurrent networks in commands that anyone can type, on data that is made here.

The sections are the sixteen subjects of an RNN course. ``docs/tour.md`` is this module run and written
down.
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
    scene: str = ""
    """Where time is the subject: what a terminal then sees step by step, one of the demo's scenes."""


SECTIONS = (
    Section(
        1,
        "Memory and word order",
        "Every review sets praise against blame, and the order of the words says which one counts. "
        "Whole sentence templates are kept out of training (--group template), so the network has to "
        "put together what it learned. Look at the test table: the linear part, which counts runs of "
        "words and letters, hears the same adjectives and is left guessing.",
        ("reviews.csv",),
        (
            "seqcli train reviews.csv --group template --force --save order.seqcli",
            "seqcli predict reviews.csv -m order.seqcli --keep label --format jsonl -o order.jsonl",
        ),
    ),
    Section(
        2,
        "Why not a feedforward net",
        "--cells none is the same network whose state is not carried from step to step: each point of a "
        "motion is read alone. Circle and reverse pass through the same points, as do wake and settle, so "
        "it can only guess which of two it was; the GRU saw in which order they came. Summaries of the "
        "columns with a logistic regression know as little of order.",
        ("sensor.csv",),
        ("seqcli compare sensor.csv --cells none,gru --stem none --epochs 12 --no-growth --save none.jsonl",),
    ),
    Section(
        3,
        "The unrolled network",
        "Unrolled over time a recurrent network is a feedforward one with a layer for each step, all with "
        "the same weights; what a step leaves in h is what the next one begins with. --trace reads a name "
        "letter by letter with an RNN of 8 units and shows h after each. It has no gate that would keep "
        "anything: every letter writes all of h anew.",
        ("names.csv",),
        (
            "seqcli train names.csv --cell rnn --hidden-size 8 --no-bidirectional --epochs 4 --no-refit "
            "--force --save unrolled.seqcli",
            "seqcli show -m unrolled.seqcli --trace Mimoto --format table",
        ),
        scene="unrolled",
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
        "Four patterns of input and output",
        "One to one: a row of numbers is a sequence of one step, and gets one answer. One to many: a "
        "category, or a single character, is written out into a name of any length. Many to one: a "
        "sequence gets one label. Many to many: a text is answered at every step, by what comes next, and "
        "a window of the past becomes the next ten days, all at once.",
        ("prices.csv", "names.csv", "sensor.csv", "corpus.txt"),
        (
            "seqcli train prices.csv --task regress --target close --features open,high,low --epochs 10 "
            "--force --save row.seqcli",
            "seqcli generate names.csv --given category=Arvic --n 3 --stop '\\n' --epochs 6 --force "
            "--save write.seqcli",
            "seqcli train sensor.csv --epochs 12 --force --save motions.seqcli",
            "seqcli train corpus.txt --epochs 2 --force --save text.seqcli",
            "seqcli forecast prices.csv --window 30 --horizon 10 --epochs 4 --force --save ten.seqcli",
        ),
    ),
    Section(
        6,
        "Vanishing and exploding gradients",
        "What one step back does to a gradient is done at every step: .9 a step leaves .9^100 after a "
        "hundred. A plain RNN whose weights are three times too large bursts; as it usually begins it "
        "forgets. In torch's own start the gated cells forget as fast, since a gate at one half loses "
        "half a step: an open gate is what remembers, and training opens it.",
        ("sensor.csv",),
        (
            "seqcli inspect-gradients --linear 0.9 --format table",
            "seqcli inspect-gradients --init-scale 3 --steps 60 --cells rnn,gru --format table",
            "seqcli inspect-gradients sensor.csv --cells rnn,lstm --format table",
        ),
        scene="fading",
    ),
    Section(
        7,
        "The LSTM's gates on one's own sentence",
        "--trace reads a sentence with a trained model and shows what each gate does at each word, in the "
        "few units that move most. Look for a word that turns the sentence, such as not: there the input "
        "gate opens, the candidate changes sign, and the memory turns over.",
        ("reviews.csv",),
        (
            "seqcli train reviews.csv --cell lstm --epochs 8 --force --save lstm.seqcli",
            "seqcli show -m lstm.seqcli --trace 'The ending did not turn out really rich.' --format table",
        ),
        scene="gates",
    ),
    Section(
        8,
        "The GRU, in the textbook's form and in torch's",
        "A GRU has no c beside h, and one gate less than an LSTM: one of its gates, z, says how much is "
        "kept and, by what is left, how much is new. In textbooks r shrinks the old state ahead of the "
        "product, W_hn (r ⊙ h); in torch's form, which is computed here, it shrinks the product, so that one "
        "matrix product serves all three gates. Many books also swap z and 1 − z. Weights of one form mean "
        "nothing in the other. The parameter table: three blocks of weights where section 11 has four.",
        ("sensor.csv", "reviews.csv"),
        (
            "seqcli train sensor.csv --cell gru --stem none --hidden-size 32 --epochs 4 --no-refit --force "
            "--save gru.seqcli",
            "seqcli show -m gru.seqcli --equations",
            "seqcli train reviews.csv --cell gru --hidden-size 64 --dry-run --format table",
        ),
    ),
    Section(
        9,
        "Backpropagation through time, truncated and clipped",
        "A text has no end, so gradients are cut: after 5 steps below, after 64 by default. The state still "
        "goes on, so that the network reads all that came before, but it learns only what 5 characters can "
        "teach. And since many Jacobians in a row can burst, a gradient is clipped, always; the closing "
        "rules say how often it was needed. A limit of .05 is reached at nearly every step, the default of "
        "1 seldom.",
        ("corpus.txt", "sensor.csv"),
        (
            "seqcli train corpus.txt --cell rnn --bptt 5 --steps 300 --force --save five.seqcli",
            "seqcli train sensor.csv --cell rnn --stem none --clip-norm 0.05 --epochs 6 --force "
            "--save clipped.seqcli",
        ),
    ),
    Section(
        10,
        "A network from scratch, on one sentence",
        "--backend numpy trains with the cells' equations and gradients by hand, in NumPy alone, one "
        "character at a time. A text this short is learnt by heart: what the network writes after fifty "
        "steps is hardly letters, and at the end it is the sentence.",
        ("sentence.txt",),
        (
            "seqcli generate sentence.txt --backend numpy --cell rnn --hidden-size 64 --bptt 25 --lr .1 "
            "--clip-value 5 --prompt a --length 110 --force --save sentence.seqcli",
        ),
    ),
    Section(
        11,
        "LSTM sentiment, and what its parameters are",
        "--dry-run stops before training and prints the plan and the parameter table: four gates of "
        "hidden × (input + hidden) weights and two biases each, a layer and direction.",
        ("reviews.csv",),
        ("seqcli train reviews.csv --cell lstm --hidden-size 64 --dry-run --format table",),
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
        14,
        "Other sequences: tags, translation, music, speech, DNA",
        "The same cells, other columns; forecasts are in section 12. Tags: people, places and companies are "
        "marked word by word, B where a name begins and I inside. Most names come once, so the network has "
        "to go by how they are written and by what stands around them; the most frequent tag of each word "
        "knows neither, and the letters have names that the training sentences do not. Translation: dates "
        "as people write them into those of ISO 8601, a text written letter by letter while the network "
        "looks back at what it read; --align shows where: at the year first, since that is written first. "
        "Music: a text of events, of which eight bars are written. Speech: each letter is a tone here, sung "
        "by voices that differ in pitch, speed and loudness; nobody says where in a clip a letter lies, "
        "which CTC finds out. DNA: a promoter has two boxes some 17 letters apart; half "
        "of the other stretches have the same boxes in the opposite order, which letters by place and runs "
        "of them tell less well than a network that reads on.",
        ("people.conll", "letters.txt", "days.csv", "asked.txt", "tunes", "spoken", "promoters.csv"),
        (
            "seqcli train people.conll --members 1 --hidden-size 64 --epochs 6 --force --save tagger.seqcli",
            "seqcli predict letters.txt -m tagger.seqcli --format jsonl",
            "seqcli train days.csv --hidden-size 64 --embedding-size 32 --epochs 8 --learning-rate 0.005 "
            "--no-refit --force --save days.seqcli",
            "seqcli predict asked.txt -m days.seqcli",
            "seqcli predict asked.txt -m days.seqcli --align --format table",
            "seqcli generate tunes -o tune.mid --length 8 --epochs 8 --force --save tunes.seqcli",
            "seqcli train spoken/said.csv --hidden-size 24 --num-layers 1 --epochs 6 --learning-rate 0.02 "
            "--no-refit --force --save speech.seqcli",
            "seqcli predict spoken/new.csv -m speech.seqcli --format table",
            "seqcli train promoters.csv --epochs 10 --no-refit --force --save dna.seqcli",
        ),
    ),
    Section(
        15,
        "An RNN beside a transformer",
        "Two encoders of as many weights, on little data and on more. In the table of growth a training step "
        "of the GRU takes time and memory in proportion to the length; attention looks from each step at "
        "every other, with the square of it. And state: what the GRU carries has one size however long the "
        "stream is, while attention needs all steps again for each new one.",
        ("sensor.csv",),
        (
            "seqcli compare sensor.csv --cells gru,transformer --stem none --rows 40,160 --epochs 16 "
            "--no-bidirectional --save few.jsonl",
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
"""All sixteen, in order."""

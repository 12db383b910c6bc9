"""What the linear baselines read: TF-IDF of words or characters, columns, summaries of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.vocabulary import tokenize_words
from seqcli.sequences import Batchable, Sequences
from seqcli.tasks.inputs import VALUES, Inputs, joined_texts
from seqcli.tasks.parts import Source


def baseline_features(inputs: Inputs, source: Source) -> tuple[str, list[Any]]:
    """What a linear model reads of the three parts, fitted on the first: (N, F) dense or sparse.

    Returns how to begin its name ("TF-IDF + ", "summaries + ", "") and the matrices.
    """
    tables = (source.train, source.validation, source.test)
    if inputs.vocabulary is None:
        examples = [inputs.encode(table)[0] for table in tables]
        return "summaries + " if inputs.ids or inputs.sound else "", [summaries(part) for part in examples]
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = inputs.vocabulary.level != "characters"
    vectorizer = TfidfVectorizer(
        analyzer="word" if words else "char_wb",
        ngram_range=(1, 2) if words else (1, 4),
        tokenizer=tokenize_words if words else None,
        token_pattern=None,
        sublinear_tf=True,
    )
    texts = [joined_texts(table, inputs.text) for table in tables]
    vectorizer.fit(texts[0])
    matrices = [vectorizer.transform(part or [""])[: len(part)] for part in texts]  # none is no text
    if inputs.features is not None:
        dense = [csr_matrix(inputs.features.matrix(table)) for table in tables]
        matrices = [hstack([left, right]).tocsr() for left, right in zip(matrices, dense, strict=True)]
    return "TF-IDF + ", matrices


def summaries(examples: Batchable) -> NDArray[np.float64]:
    """Mean, spread, least, largest, first and last value of each channel, and the length: (N, 6 F + 1).

    Rows of one step have their values alone, (N, F).
    """
    values = examples.fields[VALUES]
    assert isinstance(values, Sequences)
    if (values.lengths == 1).all():
        return values.values.astype(np.float64)
    rows = [values.row(index).astype(np.float64) for index in range(len(values))]
    parts = [
        np.concatenate([row.mean(0), row.std(0), row.min(0), row.max(0), row[0], row[-1], [len(row)]])
        for row in rows
    ]
    return np.stack(parts) if parts else np.empty((0, 6 * values.values.shape[1] + 1))

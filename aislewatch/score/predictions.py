"""Scores of labelled clips as arrays, and the score from which a clip is called shoplifting."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# A clip is called shoplifting from this score on: the middle of the probability scale, as in the
# paper's Table 2. Alerts have a threshold of their own (``alerts`` in params.yaml).
THRESHOLD = 0.5

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


def labels_and_scores(predictions: pd.DataFrame) -> tuple[Labels, Scores]:
    """Return the columns ``label`` and ``score`` as int64 and float64 arrays of shape (N,)."""
    return predictions["label"].to_numpy(np.int64), predictions["score"].to_numpy(np.float64)

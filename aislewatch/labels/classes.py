"""Knows the words that tables and label tools use for our labels; docs/data.md lists them."""

import re

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED

# 1 and 0 are the classes' numbers everywhere in this project, and in the tables we met.
_WORDS = {
    SHOPLIFTING: (
        *("shoplifting", "shoplift", "shoplifter", "shoplifters"),
        *("theft", "steal", "stealing", "1"),
    ),
    NORMAL: (
        *("normal", "no_shoplifting", "non_shoplifting", "not_shoplifting", "no_theft"),
        "0",
    ),
    UNLABELED: ("unlabeled", "unlabelled", "unknown", "ignore"),
}
LABELS = {word: label for label, words in _WORDS.items() for word in words}
_LETTERS = {word.replace("_", ""): label for word, label in LABELS.items()}

# The classes' numbers as tables with gaps and spreadsheets write them.
_NUMBER = re.compile(r"([01])[.,]0*")
# Between letters only: -1 is not 1.
_BETWEEN = re.compile(r"(?<=[a-z])[\s_-]+(?=[a-z])")

REMEDY = "write shoplifting, normal or unlabeled (docs/data.md lists what else is understood)"


def label_of(text: str) -> str | None:
    """Return the label that a word means, whatever its case; None for any other word.

    Blanks, ``-`` and ``_`` between its parts do not matter; ``1.0`` is ``1``.
    """
    word = _BETWEEN.sub("", text.strip().lower())
    number = _NUMBER.fullmatch(word)
    return _LETTERS.get(number[1] if number else word)

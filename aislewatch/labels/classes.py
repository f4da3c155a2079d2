"""The words for our three labels that tables and label tools use; ``docs/data.md`` lists them."""

from aislewatch.labels.protocol import NORMAL, SHOPLIFTING, UNLABELED

# 1 and 0 are the classes' numbers everywhere in this project, and in the tables we met.
_WORDS = {
    SHOPLIFTING: ("shoplifting", "shoplift", "shoplifter", "theft", "steal", "stealing", "1"),
    NORMAL: ("normal", "no_shoplifting", "no_theft", "0"),
    UNLABELED: ("unlabeled", "unlabelled", "unknown", "ignore"),
}
LABELS = {word: label for label, words in _WORDS.items() for word in words}

REMEDY = "write shoplifting, normal or unlabeled (docs/data.md lists what else is understood)"


def label_of(text: str) -> str | None:
    """The label that a word means, whatever its case; None for any other word."""
    return LABELS.get("_".join(text.lower().replace("-", " ").replace("_", " ").split()))

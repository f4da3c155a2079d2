"""Pairs of copies as a table."""

from aislewatch.frames.stretches import frame_times
from aislewatch.validate.copies.find import Copy
from aislewatch.validate.duplicates import pair_table
from tests.validate.test_expectations import catalog_of


def test_pairs_of_copies() -> None:
    catalog = catalog_of("s/normal/a", "s/shoplifting/b", "s/normal/c", "s/unlabeled/d")
    catalog.loc[[0, 2], "sha256"] = "f" * 64
    found = [
        Copy("s/normal/a", "s/shoplifting/b", 0.87, 2.6, 0.0, 3.0, 1.0, 4.0, 1.0, False),
        Copy("s/shoplifting/b", "s/unlabeled/d", 0.1, 0.8, 5.0, 6.0, 0.0, 1.0, 1.1, True),
        Copy("s/normal/c", "s/unlabeled/d", 0.1, 10.0, 0.0, 12.0, 0.0, 12.0, 1.0, False),
    ]
    pairs = pair_table(catalog, found, 0.3, frame_times(catalog))
    assert pairs.drop(columns="labels_conflict").to_numpy().tolist() == [
        ["s/normal/a", "s/normal/c", 1.0, True, True, 0.0, 10.0, 0.0, 10.0, 1.0, False],
        ["s/normal/a", "s/shoplifting/b", 0.87, True, False, 0.0, 3.0, 1.0, 4.0, 1.0, False],
        # Ten seconds of motion are the same footage, however long the videos are.
        ["s/normal/c", "s/unlabeled/d", 0.1, True, False, 0.0, 10.0, 0.0, 10.0, 1.0, False],
        ["s/shoplifting/b", "s/unlabeled/d", 0.1, False, False, 5.0, 6.0, 0.0, 1.0, 1.1, True],
    ]

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
        # c has the bytes of a, so it shares with b what a does, and a with d what c does.
        ["s/normal/a", "s/unlabeled/d", 0.1, True, False, 0.0, 10.0, 0.0, 10.0, 1.0, False],
        ["s/normal/c", "s/shoplifting/b", 0.87, True, False, 0.0, 3.0, 1.0, 4.0, 1.0, False],
        # Ten seconds of motion are the same footage, however long the videos are.
        ["s/normal/c", "s/unlabeled/d", 0.1, True, False, 0.0, 10.0, 0.0, 10.0, 1.0, False],
        ["s/shoplifting/b", "s/unlabeled/d", 0.1, False, False, 5.0, 6.0, 0.0, 1.0, 1.1, True],
    ]


def test_a_file_of_the_same_bytes_is_a_copy_of_whatever_its_twin_is() -> None:
    catalog = catalog_of("s/normal/a", "s/normal/early", "s/shoplifting/b")
    catalog.loc[[1, 2], "sha256"] = "f" * 64
    catalog.loc[0, "video"] = "s/normal/late"
    found = [Copy("s/normal/late", "s/shoplifting/b", 0.4, 2.0, 0.0, 3.0, 5.0, 8.3, 1.1, True)]
    pairs = pair_table(catalog, found, 0.3, frame_times(catalog)).set_index(["a", "b"])
    twin = pairs.loc["s/normal/early", "s/normal/late"]
    assert twin[["start_a_s", "end_a_s", "start_b_s", "end_b_s"]].tolist() == [5.0, 8.3, 0.0, 3.0]
    assert (twin["share"], twin["is_copy"], twin["speed"], twin["mirrored"]) == (
        0.4,
        True,
        0.91,
        True,
    )
    assert len(pairs) == 3

"""What there is to see of a clip: the whole picture, or each person who is there all along."""

from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.sources import NO_TRACK, ClipSource

SPAN = 5

tracks = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 20), st.integers(1, 20)), max_size=8
)
windows = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 30)), max_size=12)


def tracked_of(found: list[tuple[str, int, int]]) -> pd.DataFrame:
    rows = [
        (video, number, f"{number}.yuv", first, n_frames, float(number))
        for number, (video, first, n_frames) in enumerate(found)
    ]
    columns = ["video", "track", "file", "first", "n_frames", "prominence"]
    return pd.DataFrame(rows, columns=columns)


def clips_of(starts: list[tuple[str, int]]) -> pd.DataFrame:
    rows = [(video, f"{video}.yuv", start, start % 2) for video, start in starts]
    return pd.DataFrame(rows, columns=["video", "frames_file", "start", "label"])


def test_without_tracks_a_clip_is_its_picture() -> None:
    clips = clips_of([("b", 3), ("a", 8)])
    views = ClipSource(Path("x")).views_of(clips, SPAN)
    assert views[list(clips)].equals(clips)
    assert views["row"].tolist() == [0, 1]
    assert set(views["track"]) == {NO_TRACK}


@given(tracks, windows)
def test_a_clip_shows_who_is_there_from_its_first_frame_to_its_last(
    found: list[tuple[str, int, int]], starts: list[tuple[str, int]]
) -> None:
    views = ClipSource(Path("x"), tracked_of(found)).views_of(clips_of(starts), SPAN)
    expected = [
        (row, f"{track}.yuv", start - first, start % 2, track)
        for row, (video, start) in enumerate(starts)
        for track, (owner, first, n_frames) in enumerate(found)
        if video == owner and first <= start and start + SPAN <= first + n_frames
    ]
    columns = ["row", "frames_file", "start", "label", "track"]
    assert [tuple(view) for view in views[columns].itertuples(index=False)] == expected

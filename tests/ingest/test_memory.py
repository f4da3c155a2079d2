"""Pictures that are done with are given back, however large they are."""

import gc
from pathlib import Path

import av
import pytest

from aislewatch.ingest import keeping
from aislewatch.ingest.picture import look_at
from tests.watch.broken_cameras import make_film


class Nowhere:
    def write(self, data: bytes, /) -> None:
        """Nothing is kept."""


def test_pictures_are_given_back_by_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python would wait for some hundred of them: of 4K more than a decoder's memory."""
    monkeypatch.setattr(keeping, "MOST_LEFT", 1 << 20)
    held = 0
    gc.collect()
    gc.disable()
    try:
        with av.open(str(make_film(tmp_path / "a.mp4", 2.0, size=256))) as container:
            stream = container.streams.video[0]
            keeper = keeping.Keeper(Nowhere(), 25, (64, 64), lambda one: look_at(stream, one))
            for number, picture in enumerate(container.decode(stream)):
                keeper.add_picture(picture)
                keeper.add_times((number * 40_000_000, (number + 1) * 40_000_000))
            held = sum(type(one) is av.VideoFrame for one in gc.get_objects())
    finally:
        gc.enable()
    assert number == 49
    assert held <= 14, "a MiB of pictures of 96 KiB, and the newest"

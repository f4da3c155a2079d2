"""Decodes and scores one video: its successive clips, and pictures of moments in it."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislewatch.alerts.clips import ScoredClip
from aislewatch.config.params import Params
from aislewatch.detect.people import VIDEO, PeopleSeen, see_people
from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.frames.clip_frames import read_clip
from aislewatch.frames.sources import NO_TRACK, ClipSource
from aislewatch.frames.stretches import FrameTimes
from aislewatch.ingest.decode import FRAMES
from aislewatch.ingest.decoder import Decoder
from aislewatch.models.build import Detector
from aislewatch.models.scoring import set_up_compute
from aislewatch.people.finding import Footage
from aislewatch.report.seen import Still
from aislewatch.score.clips import clip_span, successive_starts
from aislewatch.score.scoring import score_views
from aislewatch.score.timed import timed_clips

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Viewed:
    """A decoded and scored video, while its frames are at hand.

    Args:
        clips: its successive clips.
        times: of its frames.
        people: who is seen in it; None where clips show the whole picture.
        frames_dir: the folder of its frames.
        frame_size: pixels a side of a frame.
        displayed: width and height of the picture as displayed, pixels.
    """

    clips: tuple[ScoredClip, ...]
    times: FrameTimes
    people: PeopleSeen | None
    frames_dir: Path
    frame_size: int
    displayed: tuple[int, int]

    def box(self, track: int, at_s: float) -> list[float] | None:
        """Return a person's box at a second: left, top, right, bottom, pixels as displayed."""
        if self.people is None or track == NO_TRACK:
            return None
        return [round(side, 1) for side in self.people.box(track, self.times.frame_at(at_s))]

    def still(self, track: int, at_s: float) -> Still:
        """Return the picture at a second, and the person's box in it."""
        frame_1KW = np.empty((1, self.frame_size * 3 // 2, self.frame_size), np.uint8)
        read_clip(self.frames_dir, FRAMES, self.times.frame_at(at_s), 1, 1, frame_1KW)
        box = self.box(track, at_s)
        shares = None if box is None else np.array(box) / np.array(self.displayed * 2)
        return Still(at_s, frame_1KW[0], shares, self.displayed[0] / self.displayed[1])


@contextmanager
def viewed(video: Path, model: Detector, model_folder: Path, params: Params) -> Iterator[Viewed]:
    """Decode and score a video; its frames are gone afterwards.

    Args:
        video: any file that ingest would accept.
        model: as ``load_model`` returns it.
        model_folder: holds the detector of a model that is shown people.
        params: sections ingest and machine.

    Raises:
        FootageError: the video is shorter than one clip.
        QuarantinedError: it cannot be decoded safely; carries the reason.
        ModelError: the detector is missing or another one.
    """
    config = model.config
    with tempfile.TemporaryDirectory(prefix="aislewatch-") as name:
        scratch = Path(name)
        facts = _decode(video, model, params, scratch)
        times = FrameTimes.from_text(facts["stretches"], facts["n_frames"], config.fps)
        starts = successive_starts(times, config.n_frames, config.step)
        if not starts:
            raise FootageError(_too_short(video, model, times, facts["duration_s"]))
        displayed = facts["width"], facts["height"]
        source, people = ClipSource(scratch), None
        if config.people is not None:
            footage = Footage(video, *displayed, times)
            encoder = config.model.encoder
            people = see_people(footage, config.people, encoder, model_folder, params, scratch)
            source = people.source
        log.info("scoring %d clips of %s", len(starts), video.name)
        table = pd.DataFrame({"video": VIDEO, "frames_file": FRAMES, "start": starts})
        scored = score_views(model, table, source, set_up_compute(params.machine))
        scores, tracks = scored["score"].tolist(), scored["track"].tolist()
        clips = timed_clips(starts, scores, config.n_frames, config.step, times, tracks)
        yield Viewed(clips, times, people, scratch, config.frame_size, displayed)


def _decode(video: Path, model: Detector, params: Params, scratch: Path) -> dict[str, Any]:
    config = model.config
    with closing(Decoder(config.fps, config.frame_size, params.ingest)) as decoder:
        try:
            facts = decoder.decode_video(video, scratch)
        except QuarantinedError as error:
            words = f"{video} was refused: {error.detail}"
            raise QuarantinedError(error.reason, words, error.remedy) from None
    for notice in facts["notices"]:
        log.warning("%s: %s", video.name, notice)
    return facts


def _too_short(video: Path, model: Detector, times: FrameTimes, duration_s: float) -> str:
    needed_s = clip_span(model.config.n_frames, model.config.step) / model.config.fps
    whole = "lasts" if len(times.stretches) == 1 else "has gaps, and all in all shows"
    return (
        f"{video} {whole} {duration_s:.1f} s, shorter than one clip of {needed_s:.1f} s; give a "
        "longer recording"
    )

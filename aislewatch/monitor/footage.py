"""Gets the footage to compare: the project's own, and a folder of new videos."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.rule import AlertRule, frozen_rule
from aislewatch.config.params import Params
from aislewatch.detect.viewing import viewed
from aislewatch.errors import AislewatchError, FootageError
from aislewatch.files import read_output, sha256_file
from aislewatch.frames.class_folders import camera_and_label
from aislewatch.frames.stretches import FrameTimes, frame_times
from aislewatch.ingest.candidates import Candidate, check_candidate, list_candidates
from aislewatch.ingest.decode import FRAMES
from aislewatch.ingest.decoder import Decoder
from aislewatch.models.build import WEIGHTS_FILE, Detector, load_model
from aislewatch.monitor.looks import WatchedVideo
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKED
from aislewatch.tables.score import scores_of
from aislewatch.tables.validate import VIDEOS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoringNetwork:
    """The network whose scores are compared.

    Args:
        name: of the project's chosen network.
        rule: raises its alerts.
        folder: of the registered version's files; it scores new footage.
    """

    name: str
    rule: AlertRule
    folder: Path


def chosen_network(champion: Path) -> ScoringNetwork:
    """Return the champion as the network that the project's own scores are of.

    Args:
        champion: the verified files of the registered version.

    Raises:
        FootageError: the project's scores are of another network, or there are none.
    """
    if not places.SELECTED.exists():
        raise FootageError("this project has not evaluated a network; run `dvc repro evaluate`")
    selected = read_output(places.SELECTED, "model")
    own = places.model_folder(selected["model"]) / WEIGHTS_FILE
    if not own.exists() or sha256_file(own) != sha256_file(champion / WEIGHTS_FILE):
        raise FootageError(
            "the champion is not the network of this checkout, so that its scores have no "
            "reference; check out the commit that registered it, and `dvc pull`"
        )
    rule = frozen_rule(selected["operating"]["rule"])
    return ScoringNetwork(selected["model"], rule, champion)


def reference_films(
    size: int, network: ScoringNetwork | None, without: set[str]
) -> Iterator[WatchedVideo]:
    """Yield the project's own videos, as the frame store has them.

    Scores are those of validation and test: the network has learned from the rest.

    Args:
        size: of the store's frames, pixels a side.
        network: whose scores; None: no scores.
        without: sha256 of videos that are new, though ingest has them already.
    """
    catalog = CATALOG.read()
    named = VIDEOS.read() if VIDEOS.path.exists() else catalog
    camera_of = dict(zip(named["video"], named["camera"], strict=True))
    clips = {} if network is None else _clips_of(scores_of(network.name).read())
    tracked = TRACKED.read() if places.PEOPLE_FORM.exists() else None
    times = frame_times(catalog)
    old = catalog[~catalog["sha256"].isin(without)]
    columns = (old[name].tolist() for name in ("video", "camera", "frames_file"))
    for video, camera, file in zip(*columns, strict=True):
        yield WatchedVideo(
            camera=camera_of.get(video, camera),
            video=video,
            folder=places.FRAMES,
            file=file,
            size=size,
            times=times[video],
            clips=clips.get(video),
            ways=None if tracked is None else _ways(tracked[tracked["video"] == video]),
        )


def _clips_of(scores: pd.DataFrame) -> dict[str, list[ScoredClip]]:
    follows = scores[scores["successive"]].sort_values(["video", "start"])
    columns = ["start_s", "end_s", "score", "track"]
    return {
        str(video): [ScoredClip(*row) for row in rows[columns].itertuples(index=False)]
        for video, rows in follows.groupby("video")
    }


def _ways(tracked: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(tracked["first"].tolist(), tracked["n_frames"].tolist(), strict=True))


@dataclass(frozen=True)
class NewFootage:
    """The videos of a folder, and of which cameras they are."""

    folder: Path
    videos: tuple[Candidate, ...]

    @classmethod
    def of(cls, folder: Path) -> "NewFootage":
        """List a folder.

        Raises:
            FootageError: it is missing, or holds no video.
        """
        if not folder.is_dir():
            raise FootageError(f"{folder} is no folder; name the one that holds the new footage")
        place = folder.resolve()
        found = list_candidates(place.parent, [place.name])
        if not found:
            raise FootageError(f"{folder} holds no video; name the folder of the new footage")
        return cls(folder, tuple(found))

    def digests(self) -> set[str]:
        """Compute the sha256 of each video."""
        return {sha256_file(file.path) for file in self.videos if file.path.is_file()}

    def camera(self, video: Candidate, known: Sequence[str]) -> str:
        """Name a video's camera: by its folders below the folder, else by the folder's own name.

        A known camera is also found by the end of its name, where only one ends so.
        """
        inside = PurePosixPath(video.video).relative_to(video.source)
        named = inside if len(inside.parts) > 1 else PurePosixPath(video.video)
        camera, _ = camera_and_label(named.as_posix())
        alike = [name for name in known if name == camera or name.endswith(f"/{camera}")]
        return alike[0] if len(alike) == 1 else camera


# Makes a film of a new video and its camera, which is gone after the block.
Opened = Callable[[Candidate, str], AbstractContextManager[WatchedVideo]]


@contextmanager
def new_films(network: ScoringNetwork | None, params: Params) -> Iterator[Opened]:
    """Yield what decodes new videos in the sandbox, and has them scored where there is a network.

    It raises an ``AislewatchError`` for a video that cannot be used.
    """
    if network is not None:
        model = load_model(network.folder)
        yield lambda video, camera: _scored(video, camera, model, network.folder, params)
        return
    frames = params.frames
    with closing(Decoder(frames.fps, frames.size, params.ingest)) as decoder:
        yield lambda video, camera: _decoded(video, camera, decoder, params)


@contextmanager
def _scored(
    video: Candidate, camera: str, model: Detector, folder: Path, params: Params
) -> Iterator[WatchedVideo]:
    check_candidate(video)
    with viewed(video.path, model, folder, params) as seen:
        people = seen.people
        ways = None if people is None else [(w.way.first, len(w.way.boxes)) for w in people.found]
        size = seen.frame_size
        yield WatchedVideo(
            camera, video.video, seen.frames_dir, FRAMES, size, seen.times, seen.clips, ways
        )


@contextmanager
def _decoded(
    video: Candidate, camera: str, decoder: Decoder, params: Params
) -> Iterator[WatchedVideo]:
    check_candidate(video)
    with tempfile.TemporaryDirectory(prefix="aislewatch-") as name:
        facts = decoder.decode_video(video.path, Path(name))
        times = FrameTimes.from_text(facts["stretches"], facts["n_frames"], params.frames.fps)
        yield WatchedVideo(camera, video.video, Path(name), FRAMES, params.frames.size, times)


def refused(video: Candidate, error: AislewatchError) -> str:
    """Say of a video why it was not looked at."""
    log.warning("%s: %s", video.video, error)
    return f"{video.video}: {error}"

"""Chooses which of a file's tracks is the film, and names those left out."""

from typing import cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.formats import CODECS
from aislewatch.ingest.remedies import ENCODE, EXPORT_PICTURES

# Tracks of single pictures, which are no film: covers and previews.
PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails


def choose_track(container: InputContainer) -> tuple[VideoStream, list[VideoStream]]:
    """Return the film, which is the track flagged as default or else the first, and the others.

    Raises:
        QuarantinedError: there is no track of moving pictures.
    """
    films = [track for track in container.streams.video if not track.disposition & PICTURES]
    if not films:
        kinds = ", ".join(sorted({stream.type for stream in container.streams}))
        words = f"the file holds {kinds} only" if kinds else "the file holds no track at all"
        raise QuarantinedError("no-video-stream", words, EXPORT_PICTURES)
    flagged = [track for track in films if track.disposition & Disposition.default]
    film = (flagged or films)[0]
    return film, [track for track in films if track is not film]


def codec_name(track: VideoStream) -> str:
    """Return a track's codec as ffmpeg calls it; ``"unknown"`` where it has no decoder."""
    # PyAV gives None there; its types do not say so.
    context = cast("av.VideoCodecContext | None", track.codec_context)
    return context.codec.canonical_name if context is not None else "unknown"


def check_codec(track: VideoStream) -> str:
    """Return a track's codec.

    Raises:
        QuarantinedError: it is not decoded here.
    """
    codec = codec_name(track)
    if codec not in CODECS:
        words = f"its pictures are coded as {codec}, which is not decoded here"
        raise QuarantinedError("unsupported-codec", words, f"encode it anew: {ENCODE}")
    return codec


def other_tracks(film: VideoStream, others: list[VideoStream]) -> list[str]:
    """Return a notice that names the tracks left out, if there are any."""
    if not others:
        return []
    left = ", ".join(_described(track) for track in others)
    return [
        f"it has {len(others) + 1} video tracks: {_described(film)} is taken, and not {left} -> "
        f"to take another, `ffmpeg -i FILE -map 0:{others[0].index} -c copy NEW.mkv`"
    ]


def _described(track: VideoStream) -> str:
    default = ", the default" if track.disposition & Disposition.default else ""
    return f"track {track.index} ({codec_name(track)}, {track.width}x{track.height}{default})"

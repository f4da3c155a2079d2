"""Writes a segment of a stream as a file of kept footage, in a process of its own."""

import sys
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from aislewatch.alerts.clips import ScoredClip
from aislewatch.errors import AislewatchError, FootageError
from aislewatch.evidence.film import FilmWriter
from aislewatch.evidence.kept import path_of
from aislewatch.files import remove_abandoned, whole_file, write_json
from aislewatch.watch.filming import pictures
from aislewatch.watch.messages import KeptPacket
from aislewatch.watch.parameter_sets import LengthPrefixed, is_length_prefixed
from aislewatch.watch.ring import Recording


@dataclass(frozen=True)
class FootageJob:
    """What a file of footage is made of.

    Args:
        live: the folder of what is kept.
        camera: its name.
        begin: when the first picture was taken.
        recording: the segment's packets.
        threshold: of the champion's rule.
        model: the champion's name and version.
        scores: of its clips, in seconds of the file.
    """

    live: Path
    camera: str
    begin: datetime
    recording: Recording
    threshold: float
    model: str
    scores: tuple[ScoredClip, ...]


def write_job(job: FootageJob) -> None:
    """Write the file and its scores; a process' whole life, which ends in status 1 if it cannot."""
    try:
        write_footage(job)
    except (AislewatchError, OSError, av.FFmpegError) as error:
        sys.exit(f"footage of {job.camera} was not kept: {error}")


def write_footage(job: FootageJob) -> Path:
    """Write the file, whole or not at all, with its scores beside it; return where it is.

    The packets are copied. Where a player cannot begin with what comes of that (a codec that MP4
    does not hold, a stream that tells its parameters elsewhere), they are encoded anew.

    Raises:
        FootageError: no picture can be decoded.
        OSError: it cannot be written; the disk is full, for example.
    """
    path = path_of(job.live, job.camera, job.begin)
    # Films of people, which nobody would ever delete.
    remove_abandoned(path.parent)
    with whole_file(path) as temporary:
        if not _copy(job.recording, temporary):
            _encode(job.recording, temporary)
        stated = [
            {
                "start_s": round(clip.start_s, 3),
                "end_s": round(clip.end_s, 3),
                "score": round(clip.score, 6),
            }
            for clip in job.scores
        ]
        # First the scores: who finds the film finds them, too.
        told = {"threshold": job.threshold, "model": job.model, "scores": stated}
        write_json(path.with_suffix(".json"), told)
    return path


def _copy(recording: Recording, path: Path) -> bool:
    """Write the packets as they came; return whether a player can begin with the file.

    Raises:
        OSError: it cannot be written.
    """
    facts = recording.facts
    try:
        with av.open(str(path), "w", format="mp4") as container:
            size = {"width": facts.width, "height": facts.height}
            stream = container.add_mux_stream(facts.codec, **size)
            stream.time_base = Fraction(*facts.time_base)
            for packet in _packets(recording):
                packet.stream = stream
                container.mux(packet)
        with av.open(str(path)) as container:
            return next(container.decode(video=0), None) is not None
    except OSError:
        raise
    except (ValueError, av.FFmpegError):
        return False


def _packets(recording: Recording) -> list[Any]:
    """Return the packets in the order of decoding, the first picture at time 0.

    Cameras' own times of decoding are often missing or wrong; those of presentation, sorted and
    moved ahead as far as needed, are right for any stream.
    """
    time_base = Fraction(*recording.facts.time_base)
    stated = [
        round(kept.at_s / time_base) if kept.time is None else kept.time
        for kept in recording.packets
    ]
    # What is shown before the first key frame refers to pictures of the segment before.
    chosen = [
        (kept.is_key, data, time - stated[0])
        for kept, data, time in zip(recording.packets, _data(recording), stated, strict=True)
        if time >= stated[0]
    ]
    decoded = sorted(time for _, _, time in chosen)
    for number in range(1, len(decoded)):
        decoded[number] = max(decoded[number], decoded[number - 1] + 1)
    ahead = max(at - time for at, (_, _, time) in zip(decoded, chosen, strict=True))
    steps = [later - at for at, later in pairwise(decoded)] or [1]
    packets = []
    for (is_key, data, time), at, step in zip(chosen, decoded, [*steps, steps[-1]], strict=True):
        packet: Any = av.Packet(data)
        packet.time_base, packet.pts, packet.dts = time_base, time, at - ahead
        packet.duration, packet.is_keyframe = step, is_key
        packets.append(packet)
    return packets


def _data(recording: Recording) -> list[bytes]:
    """Return each packet's bytes, the first with what a decoder must know before it."""
    extradata = bytes.fromhex(recording.facts.extradata)
    data = [kept.data for kept in recording.packets]
    if is_length_prefixed(recording.facts.codec, extradata):
        form = LengthPrefixed(recording.facts.codec, extradata)
        data = [form.with_starts(one) for one in data]
        extradata = form.parameter_sets
    return [extradata + data[0], *data[1:]]


def _encode(recording: Recording, path: Path) -> None:
    first, is_empty = recording.packets[0], True
    time_base = Fraction(*recording.facts.time_base)
    with FilmWriter(path) as film:
        for at_s, picture in pictures(recording):
            rgb_HWC = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
            film.add(_ahead_s(first, picture.pts, at_s, time_base), rgb_HWC)
            is_empty = False
        if is_empty:
            raise FootageError("none of its pictures can be decoded")
        film.finish()


def _ahead_s(first: KeptPacket, time: int | None, at_s: float, time_base: Fraction) -> float:
    """Return a picture's second of the file, by the stream's own times where it has any."""
    if first.time is None or time is None:
        return at_s - first.at_s
    return float((time - first.time) * time_base)

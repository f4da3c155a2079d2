"""Writes the evidence of an alert from the packets as they came, in a process of its own."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.frame import VideoFrame

from aislewatch.alerts.clips import ScoredClip
from aislewatch.errors import AislewatchError
from aislewatch.evidence.alert import LiveAlert
from aislewatch.evidence.folder import AlertFilm, Picture, SeenPerson, write_evidence
from aislewatch.watch.ring import Recording

# Pixels of the longer side of a film: a guard sees what a hand does, and a phone plays it.
LONGEST_SIDE = 1280


@dataclass(frozen=True)
class EvidenceJob:
    """What evidence is made of.

    Args:
        live: the folder of what is kept.
        alert: as it is known now.
        recording: packets that hold the film's seconds.
        zero: time of day of the stream's second 0.
        begin_s: second of the stream at which the film begins.
        end_s: and ends.
        scores: of the clips in it, in seconds of the stream.
        people: who was where in it, in seconds of the stream.
    """

    live: Path
    alert: LiveAlert
    recording: Recording
    zero: datetime
    begin_s: float
    end_s: float
    scores: tuple[ScoredClip, ...]
    people: tuple[SeenPerson, ...] = ()


def write_job(job: EvidenceJob) -> None:
    """Write the evidence folder; a process' whole life, which ends in status 1 if it cannot."""
    try:
        begin = job.zero + timedelta(seconds=job.begin_s)
        scores = [
            ScoredClip(clip.start_s - job.begin_s, clip.end_s - job.begin_s, clip.score, clip.track)
            for clip in job.scores
        ]
        people = [replace(person, at_s=person.at_s - job.begin_s) for person in job.people]
        write_evidence(job.live, job.alert, AlertFilm(begin, _film(job), scores, people))
    except (AislewatchError, OSError, av.FFmpegError) as error:
        sys.exit(f"evidence of alert {job.alert.id} was not written: {error}")


def _film(job: EvidenceJob) -> Iterator[Picture]:
    for at_s, picture in pictures(job.recording):
        if job.begin_s <= at_s <= job.end_s:
            share = min(1.0, LONGEST_SIDE / max(picture.width, picture.height))
            width, height = round(picture.width * share), round(picture.height * share)
            rgb = picture.to_ndarray(format="rgb24", width=width, height=height)
            yield Picture(at_s - job.begin_s, np.asarray(rgb, np.uint8))


def pictures(recording: Recording) -> Iterator[tuple[float, VideoFrame]]:
    """Decode packets; yield each picture with its second of the stream."""
    facts = recording.facts
    decoder = cast("av.VideoCodecContext", av.CodecContext.create(facts.codec, "r"))
    decoder.extradata = bytes.fromhex(facts.extradata) or None
    decoder.thread_count = 1
    at_s: dict[int | None, float] = {}
    for kept in recording.packets:
        packet: Any = av.Packet(kept.data)
        packet.pts, packet.time_base = kept.time, Fraction(*facts.time_base)
        at_s[kept.time] = kept.at_s
        for picture in _decoded(decoder, packet):
            yield at_s.get(picture.pts, kept.at_s), picture
    last_s = recording.packets[-1].at_s
    for picture in _decoded(decoder, None):
        yield at_s.get(picture.pts, last_s), picture


def _decoded(decoder: Any, packet: Any) -> list[VideoFrame]:
    try:
        return cast("list[VideoFrame]", decoder.decode(packet))
    except av.FFmpegError:
        return []  # A damaged packet; the film goes on with the next.

"""Reads UCF-Crime as it is distributed: lists of sides, times of the test videos' events.

Times are frames of the original, and apply frame for frame whatever rate a container states: some
copies say 20 a second where UCF's readme says 30. Where the number of frames differs, the copy was
encoded anew and they apply no more.

What is outside a crime is normal. In a crime other than shoplifting a video is unlabeled; so is a
video of shoplifting of which no times are given: it is normal most of the time.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, cut
from aislewatch.labels.counts import OTHER_VIDEO, SPARE_FRAMES, spare_frames
from aislewatch.labels.problems import Problem, some
from aislewatch.labels.protocol import LabelRow, Labels, Video
from aislewatch.labels.ucf_files import UcfEntry, UcfFiles, read_ucf_files
from aislewatch.labels.ucf_names import UcfName, ucf_name

# "Ours videos have 30 frames per second" (UCF-Crime's readme).
FPS = 30


def read_labels(raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read the text files of ``raw/source``; see ``labels.ReadLabels``."""
    files = read_ucf_files(raw, source)
    labels = Labels(problems=files.problems, files=files.paths)
    place = (raw / source).as_posix()
    if not files.paths:
        remedy = "put Temporal_Anomaly_Annotation_for_Testing_Videos.txt and the lists there"
        fault = "there is no label file of UCF-Crime"
        labels.problems.append(Problem(place, None, "", "error", "no_labels", fault, remedy))
    names = {video: name for video in sorted(videos) if (name := ucf_name(video))}
    for video, name in names.items():
        labels.attributes[video] = dict(name.attributes)
        _side(video, name.recording, files, labels)
        _label(video, name, files.entries.get(name.recording, []), files, videos[video], labels)
    labels.problems.extend(_overview(place, names, videos, files))
    return labels


def _side(video: str, recording: str, files: UcfFiles, labels: Labels) -> None:
    """Note the side in the anomaly detection split, and the fold that tests a video in the other.

    A single fold's lists are a split too.
    """
    side = files.sides.get(recording)
    if side is None and len(files.folds) == 1:
        side = next(iter(files.folds.values())).get(recording)
    if side:
        labels.official[video] = side
    for fold, sides in files.folds.items():
        if sides.get(recording) == "test":
            labels.attributes[video]["fold"] = fold


def _label(
    video: str,
    name: UcfName,
    entries: list[UcfEntry],
    files: UcfFiles,
    facts: Video,
    labels: Labels,
) -> None:
    if name.kind == NORMAL:
        labels.whole[video] = NORMAL
    for entry in entries:
        if problem := _fault(video, entry, entries[0]):
            labels.problems.append(problem)
            return
    if not entries or not entries[0].events:
        return
    said, counted = entries[0], files.frames.get(name.recording)
    has = len(facts.times)
    if counted is not None and abs(has - counted) > spare_frames(counted):
        fault = f"the video has {has} frames, UCF-Crime's {counted}: its times do not apply"
        labels.problems.append(
            Problem(said.file, said.row, video, "error", "frame_count", fault, OTHER_VIDEO)
        )
        return
    label = SHOPLIFTING if name.kind == SHOPLIFTING else UNLABELED
    labels.rows.extend(_rows(video, said, label, facts))


def _fault(video: str, entry: UcfEntry, first: UcfEntry) -> Problem | None:
    """Say what is wrong with an entry in itself, with its video's name, or with its first."""
    crime = entry.name.crime or "Normal"
    remedy = "correct the line"
    if entry.crime.lower() != crime.lower():
        fault = f"the class is {entry.crime}, the video's name says {crime}"
    elif bool(entry.events) != (crime != "Normal"):
        fault = f"a {crime} video {'with' if entry.events else 'without'} an event"
    elif entry.events != first.events:
        fault = f"other times than in {first.file} line {first.row}"
        remedy = "keep the right one of the two"
    else:
        return None
    return Problem(entry.file, entry.row, video, "error", "disagreement", fault, remedy)


def _rows(video: str, said: UcfEntry, label: str, facts: Video) -> Iterator[LabelRow]:
    # One more because the last frame is of the event, and lasts until the next.
    # Of UCF-Crime's own events five end one or two frames beyond the video.
    spare_s = (SPARE_FRAMES + 1) / facts.fps
    for first, last in said.events:
        start_s = facts.times.shown_from(first)
        end_s = cut(facts.times.shown_until(last), facts.duration_s, spare_s)
        yield LabelRow(said.file, said.row, video, start_s, end_s, label)


def _overview(
    place: str, names: Mapping[str, UcfName], videos: Mapping[str, Video], files: UcfFiles
) -> Iterator[Problem]:
    """Report gaps, one warning a kind: of UCF-Crime's 1,900 videos many people have a part."""
    without = [name.recording for name in names.values() if name.kind == SHOPLIFTING]
    without = [recording for recording in without if recording not in files.entries]
    if without:
        fault = f"no times of shoplifting for {some(without)}; they stay unlabeled"
        remedy = "write them, as for the others, into a Temporal_Anomaly_Annotation_own.txt"
        yield Problem(place, None, "", "warning", "no_times", fault, remedy)
    unsure = [
        name.recording
        for video, name in names.items()
        if name.recording not in files.frames
        and any(entry.events for entry in files.entries.get(name.recording, []))
        and abs(videos[video].fps - FPS) > FPS / 100
    ]
    if unsure:
        fault = f"not at UCF-Crime's {FPS} frames a second: {some(unsure)}; were they encoded anew?"
        remedy = "add Test_Annotation.txt, whose numbers of frames tell"
        yield Problem(place, None, "", "warning", "frame_rate", fault, remedy)
    if strange := sorted(set(videos) - set(names)):
        fault = f"not named as in UCF-Crime, and so unlabeled: {some(strange)}"
        remedy = "give them their names back, as in Shoplifting001_x264.mp4"
        yield Problem(place, None, "", "warning", "known_video", fault, remedy)
    if absent := sorted(files.recordings - {name.recording for name in names.values()}):
        fault = f"{len(absent)} videos of the lists are not here: {some(absent)}"
        yield Problem(place, None, "", "warning", "absent", fault, "add them if you have them")

"""Names label files that a layout does not read: by the tool that wrote them, with a way out."""

import re
from dataclasses import dataclass
from pathlib import Path

from aislewatch.config.data import Layout
from aislewatch.labels.problems import Level, Problem, some
from aislewatch.labels.protocol import Labels
from aislewatch.labels.reading import list_files, open_file, text_of
from aislewatch.tables import places

# Bytes of a file by which its tool is told; the telling words stand in its first lines.
_LOOKED_AT = 1 << 16

# Layouts of data sets. Both may lie in one source, with what else their authors put there.
DATA_SETS: frozenset[Layout] = frozenset({"ucf_crime", "dcsass"})

_SPREADSHEETS = (".xlsx", ".xls", ".ods")
# Files that hold labels whatever stands in them, and those that do if a word in them tells so.
_LABELS = (".csv", ".tsv", ".parquet", ".srt", ".vtt")
_MAYBE = (".json", ".jsonl", ".ndjson", ".xml", ".txt", ".eaf", ".boris")
_TELLING = re.compile(
    r"[\"<](?:annotations?|labels?|segments?|events?|regions?|categor(?:y|ies)|class(?:es)?)\b"
    r"|\.(?:mp4|avi|mkv|mov|webm)\s+\S*\d"
)

_TO_TABLE = "save that as labels.csv, and set the source's layout to table in params.yaml"
_SET_LAYOUT = "set the source's layout to {} in params.yaml, or move the file away"


@dataclass(frozen=True)
class Export:
    """Describes what a tool writes: how it is recognised, and what to do with it.

    ``layout`` reads such files; None where none does.
    """

    what: str
    words: re.Pattern[str]
    remedy: str
    layout: Layout | None = None


EXPORTS = (
    Export(
        "a file of ELAN",
        re.compile(r"<ANNOTATION_DOCUMENT\b"),
        "in ELAN choose File > Export As > Tab-delimited Text, with begin and end time as ss.msec; "
        f"add the columns video and label (shoplifting, normal); {_TO_TABLE}",
    ),
    Export(
        "a tab-delimited export of ELAN",
        # With its header, or with a tier, a participant and clocks.
        re.compile(
            r"(?:Begin|End) Time - (?:hh:mm|ss\.msec|msec)"
            r"|^[^\t\n]*\t[^\t\n]*\t\d\d:\d\d:\d\d\.\d{3}\t(?:[^\t\n]*\t)?\d\d:\d\d:\d\d\.\d{3}\t",
            re.MULTILINE,
        ),
        "make its first line the columns' names: video (the file's name), label (shoplifting, "
        "normal), and of the times Begin Time - ss.msec and End Time - ss.msec alone; "
        f"{_TO_TABLE}",
    ),
    Export(
        "a file of BORIS",
        re.compile(
            r"behaviors_conf|^\W*Observation id\b|\bMedia file(?: path| name)?\b[^\n]*\bBehavior\b",
            re.MULTILINE,
        ),
        "in BORIS choose Observations > Export events > Aggregated events, with one video an "
        "observation; rename its columns Media file to video and Behavior to label, keep Start (s) "
        f"and Stop (s); {_TO_TABLE}",
    ),
    Export(
        "a file of VIA, the VGG Image Annotator",
        re.compile(
            r"_via_settings|_via_img_metadata|region_shape_attributes|VGG Image Annotator"
            r"|CSV_HEADER ?= ?metadata_id|\bfile_list\b.*\btemporal_(?:coord|segment)|\"vid_list\""
        ),
        "write a table with the columns video, label, start_s and end_s from its file_list, "
        f"metadata and temporal_coordinates (seconds); {_TO_TABLE}",
    ),
    Export(
        "an export of CVAT",
        re.compile(r"<annotations>\s*<(?:version|meta)>"),
        _SET_LAYOUT.format("cvat"),
        "cvat",
    ),
    Export(
        "an export of Label Studio",
        re.compile(r'"(?:completed_by|was_cancelled|file_upload|timelinelabels)"\s*:'),
        _SET_LAYOUT.format("label_studio"),
        "label_studio",
    ),
    Export(
        "a list of UCF-Crime's events",
        re.compile(r"^\S+_x264\.mp4\s+(?:\d+\s+)?[A-Za-z]+(?:\s+-?\d+){4}", re.MULTILINE),
        _SET_LAYOUT.format("ucf_crime"),
        "ucf_crime",
    ),
    Export(
        "a list of DCSASS's segments",
        re.compile(r"^\S+_x264_\d+,[A-Za-z]+,[01]?\s*$", re.MULTILINE),
        _SET_LAYOUT.format("dcsass"),
        "dcsass",
    ),
)
_SPREADSHEET = Export("a spreadsheet", re.compile(""), "save it as CSV in UTF-8")


def name_exports(raw: Path, source: str, layout: Layout, labels: Labels) -> list[Problem]:
    """Return the problems of a source's labels, and those of label files that are not read.

    What is wrong with a file that another tool wrote for another layout is one problem: what it is.
    """
    problems = list(labels.problems)
    faulty = {problem.file for problem in problems if problem.level == "error"}
    unread: list[str] = []
    for path in list_files(raw, source, *_SPREADSHEETS, *_LABELS, *_MAYBE):
        if path == raw / source / places.REMOTE_LIST:
            continue
        was_read, file = path in labels.files, path.as_posix()
        if was_read and file not in faulty:
            continue
        text = _first_words(path)
        export = _SPREADSHEET if path.suffix.lower() in _SPREADSHEETS else recognise(text)
        if export is not None and {export.layout, layout} == DATA_SETS:
            continue
        if export is not None and export.layout != layout:
            problems = [problem for problem in problems if problem.file != file]
            fault = f"is {export.what}, which the layout {layout} does not read"
            level: Level = "error" if was_read else "warning"
            problems.append(Problem(file, None, "", level, "export", fault, export.remedy))
        elif not was_read and (export or (layout not in DATA_SETS and _tells(path, text))):
            unread.append(path.relative_to(raw / source).as_posix())
    if unread:
        fault = f"not read in the layout {layout}: {some(unread)}"
        remedy = "if they are labels, name them as the layout does, or set the layout that reads "
        remedy += "them (docs/data.md); else move them away"
        place = (raw / source).as_posix()
        problems.append(Problem(place, None, "", "warning", "unread", fault, remedy))
    return problems


def recognise(text: str) -> Export | None:
    """Tell by its first lines which tool wrote a file; None where it is none that we know."""
    return next((export for export in EXPORTS if export.words.search(text)), None)


def _tells(path: Path, text: str) -> bool:
    return path.suffix.lower() in _LABELS or _TELLING.search(text) is not None


def _first_words(path: Path) -> str:
    try:
        with open_file(path) as file:
            return text_of(file.read(_LOOKED_AT), errors="replace")
    except OSError:
        return ""

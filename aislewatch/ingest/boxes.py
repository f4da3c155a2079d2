"""The boxes of an mp4 or mov file (ISO 14496-12), as far as they say why it cannot be used."""

import os
from pathlib import Path

# Bytes of an mp4's header that are searched for the mark of an encrypted track. The header of a
# 4-hour video is a few MiB, and the sample descriptions stand near its start.
HEADER_BYTES = 16 << 20

# Boxes looked at. A day of recording in fragments of two seconds has 86,400; a hostile file of
# eight-byte boxes has any number, at 2 µs each.
MOST_BOXES = 100_000


def top_boxes(path: Path) -> list[tuple[bytes, int, int]]:
    """List top-level boxes of an mp4 or mov file: kind, first byte, declared end (ISO 14496-12)."""
    boxes: list[tuple[bytes, int, int]] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        while start + 8 <= size and len(boxes) < MOST_BOXES:
            file.seek(start)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:], "big")
            end = size if length == 0 else start + length
            if not kind.isalnum() or end < start + 8:
                break
            boxes.append((kind, start, end))
            start = end
    return boxes


def is_joined(path: Path) -> bool:
    """Say whether an mp4 goes on with another whole one: it has an index, or a beginning, more."""
    kinds = [box[0] for box in top_boxes(path)]
    return kinds.count(b"moov") > 1 or kinds.count(b"ftyp") > 1


def cut_short(path: Path) -> str:
    """Say why an mp4 that cannot be opened is the start of a longer file; empty if it is not."""
    boxes = top_boxes(path)
    if not boxes or boxes[0][0] not in (b"ftyp", b"mdat", b"moov", b"wide", b"free", b"skip"):
        return ""
    kind, _, end = boxes[-1]
    size = path.stat().st_size
    if end > size:
        return f"box {os.fsdecode(kind)} reaches to byte {end}, the file ends at {size}"
    if b"moov" not in [box[0] for box in boxes]:
        return "the index (moov box) is missing: the recording was not finished"
    return ""


def is_encrypted(path: Path) -> bool:
    """Return whether a video track is encrypted (ISO 23001-7): its description is ``encv``."""
    for kind, start, end in top_boxes(path):
        if kind == b"moov":
            with path.open("rb") as file:
                file.seek(start)
                header = file.read(min(end - start, HEADER_BYTES))
            return b"encv" in header and b"sinf" in header
    return False

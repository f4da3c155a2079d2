"""Changing what a container's header says, without an encoder."""

import struct
from collections.abc import Sequence


def box(kind: bytes, payload: bytes) -> bytes:
    """A box of an mp4 (ISO 14496-12, 4.2)."""
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def write_after(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes that stand ``offset`` after the first ``mark``; 0 is its first byte."""
    start = content.index(mark) + offset
    return content[:start] + value + content[start + len(value) :]


def replace_payload(content: bytes, kinds: Sequence[bytes], payload: bytes) -> bytes:
    """Replace the payload of a nested box, correcting the sizes of those around it.

    The file's own sample tables stay right only if the box lies behind the media data.
    """
    starts = []
    start, end = 0, len(content)
    for kind in kinds:
        start = _find(content, kind, start, end)
        starts.append(start)
        end = start + int.from_bytes(content[start : start + 4], "big")
        start += 8
    patched = bytearray(content)
    patched[start:end] = payload
    for outer in starts:
        size = int.from_bytes(content[outer : outer + 4], "big") + len(payload) - (end - start)
        patched[outer : outer + 4] = struct.pack(">I", size)
    return bytes(patched)


def _find(content: bytes, kind: bytes, start: int, end: int) -> int:
    while content[start + 4 : start + 8] != kind:
        start += int.from_bytes(content[start : start + 4], "big")
        assert start < end, kind
    return start


def external_reference(path: str, up: int, down: int) -> bytes:
    """Payload of a ``dref`` box whose media lie in another file: a Macintosh alias record.

    The layout is the one that libavformat/mov.c reads: ``up`` levels from the file to the common
    folder plus one, ``down`` levels of ``path`` from there. Zeros make it an absolute path.
    """
    target = path.encode()
    target += bytes(len(target) % 2)
    tags = struct.pack(">HH", 2, len(target)) + target + struct.pack(">HH", 0xFFFF, 0)
    alias = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16)
    alias += struct.pack(">HH", up, down) + bytes(16) + tags
    return struct.pack(">II", 0, 1) + box(b"alis", bytes(4) + alias)

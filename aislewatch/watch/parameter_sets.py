"""Brings H.264 and H.265 as FLV and MP4 carry them into the form in which cameras send them."""

from collections.abc import Iterator

START = b"\x00\x00\x00\x01"


class LengthPrefixed:
    """Rewrites packets whose units begin with their length, for a file of its own.

    Source: ISO/IEC 14496-15, 5.3.3.1 (``avcC``) and 8.3.3.1 (``hvcC``).

    Args:
        codec: ``"h264"`` or ``"hevc"``.
        extradata: of the codec: lengths of 1 to 4 bytes, and the parameter sets.
    """

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._length = (extradata[4 if codec == "h264" else 21] & 3) + 1
        units = _avc_units(extradata) if codec == "h264" else _hevc_units(extradata)
        self.parameter_sets = b"".join(START + unit for unit in units)

    def with_starts(self, data: bytes) -> bytes:
        """Return a packet in which each unit begins with a start code."""
        parts, at = [], 0
        while at + self._length <= len(data):
            size = int.from_bytes(data[at : at + self._length])
            at += self._length
            parts.append(START + data[at : at + size])
            at += size
        return b"".join(parts)


def is_length_prefixed(codec: str, extradata: bytes) -> bool:
    """Say whether a stream's packets are of this form: its extradata is version 1 of a record."""
    shortest = {"h264": 7, "hevc": 23}.get(codec)
    return shortest is not None and len(extradata) >= shortest and extradata[0] == 1


def _avc_units(extradata: bytes) -> Iterator[bytes]:
    at = 5
    for mask in (31, 255):  # first the sequence parameter sets, then the picture's
        if at >= len(extradata):
            return
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            unit, at = _unit(extradata, at)
            yield unit


def _hevc_units(extradata: bytes) -> Iterator[bytes]:
    at = 23
    for _ in range(extradata[22]):
        count, at = int.from_bytes(extradata[at + 1 : at + 3]), at + 3
        for _ in range(count):
            unit, at = _unit(extradata, at)
            yield unit


def _unit(extradata: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(extradata[at : at + 2])
    return extradata[at + 2 : at + 2 + size], at + 2 + size

"""What a camera's process tells: frames, packets as they came, and words, as plain bytes.

Nothing that a camera's process sent is unpickled.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from aislewatch.alerts.clips import Box

# Bytes of the longest message: a packet of a 4K camera's key frame has a few MiB.
LONGEST = 32 << 20

# What decodes where no device does.
PROCESSOR = "cpu"

_SIZE = struct.Struct("<I")
_FRAME = struct.Struct("<qdII")
_PERSON = struct.Struct("<q4dI")
_PACKET = struct.Struct("<dq?I")
# Of a packet that states no time.
_NO_TIME = -(1 << 63)


@dataclass(frozen=True)
class StreamFacts:
    """How the stream is coded that a camera sends now.

    Args:
        codec: as libav's decoder is called.
        extradata: of the codec, in hex.
        width: as displayed, pixels.
        height: as displayed, pixels.
        time_base: numerator and denominator of the seconds of one unit of the packets' times.
        decoded_by: the kind of device that decodes it, as libav calls it, or ``PROCESSOR``.
    """

    codec: str
    extradata: str
    width: int
    height: int
    time_base: tuple[int, int]
    decoded_by: str = PROCESSOR


@dataclass(frozen=True)
class PersonThere:
    """A person in one frame.

    Args:
        track: the person's number, from 0 on in each connection.
        box: as shares of the picture.
        shown: what a network is shown, packed.
    """

    track: int
    box: Box
    shown: bytes


@dataclass(frozen=True)
class StoreFrame:
    """A frame as the store has it.

    Args:
        instant: its number on the stream's own clock: instant n is second n / fps.
        captured_s: when the camera saw it, on this machine's monotonic clock.
        i420: the packed frame.
        people: in it, by track; none where nobody is looked for.
    """

    instant: int
    captured_s: float
    i420: bytes
    people: tuple[PersonThere, ...] = ()


class KeptPacket(NamedTuple):
    """A coded packet as it came; a tuple, because a camera makes 25 of them a second, twice.

    Args:
        at_s: second of the stream, on its own clock.
        time: of presentation, in the stream's units; None where it has none.
        is_key: whether decoding can begin here.
        data: its bytes.
    """

    at_s: float
    time: int | None
    is_key: bool
    data: bytes


@dataclass(frozen=True)
class KeptPackets:
    """Packets of a moment, in order: a message each would cost more than their bytes."""

    packets: tuple[KeptPacket, ...]


@dataclass(frozen=True)
class Begun:
    """The process runs and connects now."""


@dataclass(frozen=True)
class End:
    """Why a camera's process ended: in words; none where a file was played to its end."""

    words: str


Message = Begun | StreamFacts | StoreFrame | KeptPackets | End


def pack(*messages: Message) -> bytes:
    """Write the messages of one moment as bytes."""
    return b"".join(part for one in messages for part in _sized(_pack(one)))


def unpack(raw: bytes) -> list[Message]:
    """Read what ``pack`` wrote.

    Raises:
        ValueError: it is no message.
    """
    messages, at = [], 0
    try:
        while at < len(raw):
            [length] = _SIZE.unpack_from(raw, at)
            at += _SIZE.size + length
            if at > len(raw):
                raise struct.error("its end is missing")
            messages.append(_unpack(memoryview(raw)[at - length : at]))
    except (struct.error, TypeError, KeyError) as error:
        raise ValueError(f"a camera's process sent a damaged message ({error})") from None
    return messages


def _sized(packed: bytes) -> tuple[bytes, bytes]:
    return _SIZE.pack(len(packed)), packed


def _pack(message: Message) -> bytes:
    if isinstance(message, StoreFrame):
        return b"F" + _packed(message)
    if isinstance(message, KeptPackets):
        return b"P" + b"".join(part for one in message.packets for part in _packet_parts(one))
    kinds = {Begun: b"B", StreamFacts: b"S", End: b"E"}
    return kinds[type(message)] + json.dumps(asdict(message)).encode()


def _unpack(packed: memoryview) -> Message:
    kind, body = bytes(packed[:1]), packed[1:]
    if kind == b"F":
        return _unpacked(body)
    if kind == b"P":
        return KeptPackets(tuple(_packets(body)))
    fields = json.loads(bytes(body))
    if kind == b"S":
        return StreamFacts(**{**fields, "time_base": tuple(fields["time_base"])})
    if kind in (b"B", b"E"):
        return Begun(**fields) if kind == b"B" else End(**fields)
    raise ValueError("a camera's process sent what is no message")


def _packet_parts(packet: KeptPacket) -> tuple[bytes, bytes]:
    time = _NO_TIME if packet.time is None else packet.time
    return _PACKET.pack(packet.at_s, time, packet.is_key, len(packet.data)), packet.data


def _packets(body: memoryview) -> Iterator[KeptPacket]:
    at = 0
    while at < len(body):
        at_s, time, is_key, length = _PACKET.unpack_from(body, at)
        at += _PACKET.size + length
        known = None if time == _NO_TIME else time
        yield KeptPacket(at_s, known, is_key, bytes(body[at - length : at]))


def _packed(frame: StoreFrame) -> bytes:
    sizes = len(frame.i420), len(frame.people)
    parts = [_FRAME.pack(frame.instant, frame.captured_s, *sizes), frame.i420]
    for person in frame.people:
        parts += [_PERSON.pack(person.track, *person.box, len(person.shown)), person.shown]
    return b"".join(parts)


def _unpacked(body: memoryview) -> StoreFrame:
    instant, captured_s, length, count = _FRAME.unpack_from(body)
    at = _FRAME.size + length
    i420, people = bytes(body[_FRAME.size : at]), []
    for _ in range(count):
        track, left, top, right, bottom, length = _PERSON.unpack_from(body, at)
        at += _PERSON.size + length
        people.append(PersonThere(track, (left, top, right, bottom), bytes(body[at - length : at])))
    return StoreFrame(instant, captured_s, i420, tuple(people))

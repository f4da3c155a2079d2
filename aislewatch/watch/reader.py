"""Reads one camera, inside a process of its own that may be killed at any moment."""

import gc
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from aislewatch.frames.stretches import first_instant
from aislewatch.frames.timing import SECOND_NS
from aislewatch.ingest.decode import DECODING
from aislewatch.ingest.keeping import Keeper
from aislewatch.ingest.packets import second_zero
from aislewatch.ingest.picture import look_at
from aislewatch.ingest.rate import BELIEVED_FPS
from aislewatch.ingest.timeline import Timeline
from aislewatch.ingest.tracks import check_codec, choose_track
from aislewatch.watch.addresses import is_file, without_secrets
from aislewatch.watch.arrival import Arrival
from aislewatch.watch.confining import confine
from aislewatch.watch.devices import find_device
from aislewatch.watch.messages import (
    PROCESSOR,
    Begun,
    End,
    KeptPacket,
    PersonThere,
    StoreFrame,
    StreamFacts,
    pack,
)
from aislewatch.watch.opening import Request, open_stream
from aislewatch.watch.reasons import reason
from aislewatch.watch.sending import Sender

if TYPE_CHECKING:
    from aislewatch.watch.eyes import Eyes

# Pictures after which those that are done with are collected. PyAV ties a picture whose side data
# was asked for to itself, and Python collects such knots by their number, not by their bytes: a
# camera's process grew by 0.45 MiB a second at 320×240.
COLLECTED = 8


def read_camera(link: Connection, request: Request) -> None:
    """Send a camera's frames and packets until it ends or fails; a process' whole life."""
    confine(request.memory_mib, maps_devices=request.hardware)
    words = ""
    try:
        link.send_bytes(pack(Begun()))
        _StreamReader(link, request).read()
    except BrokenPipeError:
        return
    except av.FFmpegError as error:
        words = reason(error, request.address)
    except Exception as error:  # The process' last words, whatever it met: it has no terminal.
        words = str(error) or type(error).__name__
    if not words and not is_file(request.address):
        words = "the stream ended"
    with suppress(BrokenPipeError):
        link.send_bytes(pack(End(without_secrets(words, request.address))))


class _StreamReader:
    """Decodes one stream as ingest decodes a file, and makes the store's frames of it."""

    def __init__(self, link: Connection, request: Request) -> None:
        self._sender, self._request = Sender(link), request
        # From when each frame that the keeper will write is shown, and when it was captured.
        self._due: deque[tuple[int, float]] = deque()
        self._begins: deque[float] = deque()
        self._arrival = Arrival()
        self._begun_s: float | None = None
        self._made = 0
        self._decoded_by = PROCESSOR
        # Frames whose people are not known yet.
        self._held: deque[StoreFrame] = deque()
        self._eyes: Eyes | None = None

    def read(self) -> None:
        """Read to the stream's end.

        Raises:
            av.FFmpegError: the stream cannot be opened or read.
            FootageError: it has no track of moving pictures that can be decoded.
        """
        device = find_device() if self._request.hardware else None
        with open_stream(self._request, device.accel if device else None) as container:
            stream = choose_track(container)[0]
            check_codec(stream)
            if device is not None and stream.codec_context.is_hwaccel:
                self._decoded_by = device.kind
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"flags": DECODING["flags"]}
            timeline = _new_timeline(container, stream)
            size = self._request.size
            keeper = Keeper(
                self, self._request.fps, (size, size), lambda picture: look_at(stream, picture)
            )
            self._read(container, stream, timeline, keeper)

    def write(self, data: bytes, /) -> None:
        """Send the frames that the keeper made of one picture: the same one, once an instant."""
        size = self._request.size
        frame = size * size * 3 // 2
        instant, captured_s = self._due.popleft()
        self._collect_pictures()
        for number in range(len(data) // frame):
            self._pace(instant + number)
            part = data[number * frame : (number + 1) * frame]
            frame_there = StoreFrame(instant + number, captured_s, part)
            if self._eyes is None:
                self._sender.send(frame_there)
            else:
                self._held.append(frame_there)
                self._send_seen(self._eyes.see(frame_there.instant))

    def _read(
        self, container: InputContainer, stream: VideoStream, timeline: Timeline, keeper: Keeper
    ) -> None:
        is_begun, at_s, told, failure = False, 0.0, None, None
        packets = cast("Iterator[Packet[Any]]", container.demux(stream))
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                # What the decoder still holds was seen before the stream broke.
                failure, packet = error, Packet()
            if packet is None:
                break
            arrived_s = time.monotonic()
            is_begun = is_begun or packet.is_keyframe
            if packet.size and is_begun:
                # Where a stream comes to be coded in another way, it begins with a key frame.
                if packet.is_keyframe and (facts := _facts(stream, self._decoded_by)) != told:
                    told = facts
                    self._sender.send(facts)
                kept = KeptPacket(at_s, packet.pts, packet.is_keyframe, bytes(packet))
                self._sender.keep(kept)
            for picture in _decoded(stream, packet) if is_begun else ():
                self._open_eyes(stream, picture)
                bounds_ns = timeline.add(picture.pts, picture.duration)
                self._begins.append(arrived_s)
                at_s = self._add_times(keeper, bounds_ns, at_s)
                if self._eyes is not None:
                    self._eyes.add_picture(picture)
                keeper.add_picture(picture)
            if failure is not None:
                break
        self._sender.flush()
        self._add_times(keeper, timeline.end(), at_s)
        if self._eyes is not None:
            self._eyes.end()
        keeper.end()
        if self._eyes is not None:
            self._send_seen(self._eyes.rest())
        if failure is not None:
            raise failure

    def _add_times(self, keeper: Keeper, bounds_ns: tuple[int, int] | None, at_s: float) -> float:
        """Tell the keeper a picture's times; return the second at which it ends."""
        if bounds_ns is None:
            return at_s
        captured_s = self._arrival.captured(bounds_ns[0] / SECOND_NS, self._begins.popleft())
        first = first_instant(bounds_ns[0], self._request.fps)
        end = first_instant(bounds_ns[1], self._request.fps)
        if end > first:
            self._due.append((first, captured_s))
        if self._eyes is not None:
            self._eyes.add_times(bounds_ns)
        keeper.add_times(bounds_ns)
        return bounds_ns[1] / SECOND_NS

    def _open_eyes(self, stream: VideoStream, picture: av.VideoFrame) -> None:
        request = self._request
        if request.people is None or self._eyes is not None:
            return
        # Here, because a camera that looks at whole pictures need not pay for ONNX.
        from aislewatch.watch.eyes import Eyes

        look = look_at(stream, picture)
        self._eyes = Eyes(request.people, request.fps, look, lambda one: look_at(stream, one))

    def _send_seen(self, seen: list[tuple[PersonThere, ...]]) -> None:
        for people in seen:
            self._sender.send(replace(self._held.popleft(), people=people))

    def _collect_pictures(self) -> None:
        self._made += 1
        if self._made % COLLECTED == 0:
            gc.collect()

    def _pace(self, instant: int) -> None:
        if not (self._request.at_own_speed and is_file(self._request.address)):
            return
        now_s, shown_s = time.monotonic(), instant / self._request.fps
        if self._begun_s is None:
            self._begun_s = now_s - shown_s
        time.sleep(max(0.0, self._begun_s + shown_s - now_s))


def _new_timeline(container: InputContainer, stream: VideoStream) -> Timeline:
    stated = stream.average_rate or stream.guessed_rate or Fraction(0)
    rate = float(stated) if stated <= BELIEVED_FPS else 0.0
    unit_s = stream.time_base or Fraction(1, 90_000)
    return Timeline(second_zero(container, stream), unit_s, rate, is_endless=True)


def _decoded(stream: VideoStream, packet: "Packet[Any]") -> list[av.VideoFrame]:
    """Decode a packet, an empty one to the end; none where it is damaged: a key frame mends it."""
    try:
        return stream.codec_context.decode(packet if packet.size else None)
    except (av.FFmpegError, ValueError):
        return []


def _facts(stream: VideoStream, decoded_by: str) -> StreamFacts:
    context: Any = stream.codec_context
    base = stream.time_base or Fraction(1, 90_000)
    extradata = (context.extradata or b"").hex()
    size = stream.width, stream.height
    unit_s = base.numerator, base.denominator
    return StreamFacts(context.codec.name, extradata, *size, unit_s, decoded_by)

"""A stream is cut into the clips that detection cuts a file into; what is kept stays bounded."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.stretches import FrameTimes, Stretch
from aislewatch.score.clips import successive_starts
from aislewatch.score.timed import timed_clips
from aislewatch.watch.messages import (
    Begun,
    End,
    KeptPacket,
    KeptPackets,
    PersonThere,
    StoreFrame,
    StreamFacts,
    pack,
    unpack,
)
from aislewatch.watch.notices import Notices
from aislewatch.watch.queues import ClipQueue
from aislewatch.watch.ring import PacketRing
from aislewatch.watch.windows import ClipWindow, LiveClip

SIZE, FPS = 4, 10


def frame(instant: int) -> StoreFrame:
    return StoreFrame(
        instant, 100.0 + instant / FPS, bytes([instant % 256]) * (SIZE * SIZE * 3 // 2)
    )


@given(
    runs=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40)), min_size=1, max_size=5),
    n_frames=st.integers(1, 16),
    step=st.integers(1, 3),
)
def test_live_clips_are_those_of_the_file(
    runs: list[tuple[int, int]], n_frames: int, step: int
) -> None:
    """Also in recordings with gaps, and at the end of each stretch."""
    stretches, tick, first = [], 0, 0
    for length, gap in runs:
        stretches.append(Stretch(first, first + length, tick))
        first, tick = first + length, tick + length + gap
    times = FrameTimes(FPS, tuple(stretches))
    starts = successive_starts(times, n_frames, step)
    file = timed_clips(starts, [0.5] * len(starts), n_frames, step, times)

    window = ClipWindow(n_frames, step, FPS, (SIZE * 3 // 2, SIZE))
    instants = [s.tick + at for s in stretches for at in range(s.end - s.first)]
    live = [clip for instant in instants for clip in window.add(frame(instant))] + window.end()
    assert [(c.start_s, c.end_s) for c in live] == [(c.start_s, c.end_s) for c in file]
    for clip, start in zip(live, starts, strict=True):
        wanted = [instants[start + at * step] % 256 for at in range(n_frames)]
        assert clip.views[0].frames_TKW[:, 0, 0].tolist() == wanted
        assert clip.captured_s == 100.0 + instants[start + (n_frames - 1) * step] / FPS


def test_a_frame_from_the_past_is_left_out_and_a_connection_begins_anew() -> None:
    window = ClipWindow(2, 1, FPS, (SIZE * 3 // 2, SIZE))
    clips = [clip for at in (5, 5, 4, 6) for clip in window.add(frame(at))]
    assert [clip.start_s for clip in clips] == [0.5]
    window.end_session()
    clips = [clip for at in (0, 1) for clip in window.add(frame(at))]
    assert [(clip.start_s, clip.session) for clip in clips] == [(0.0, 1)]


def clip(start_s: float) -> LiveClip:
    return LiveClip(start_s, start_s + 1, 0.0, 0, ())


@given(number=st.integers(0, 30), most=st.integers(1, 8))
def test_of_too_many_clips_the_oldest_go_and_are_counted(number: int, most: int) -> None:
    queue = ClipQueue(most)
    for at in range(number):
        queue.put(clip(at))
    left = [one.start_s for one in iter(queue.take, None)]
    assert left == list(range(number))[-most:]
    assert queue.dropped == number - len(left)


FACTS = StreamFacts("h264", "00ff", 64, 48, (1, 90_000))


@given(
    gaps=st.lists(st.booleans(), min_size=1, max_size=200),
    keep_s=st.integers(1, 30),
    back_s=st.integers(0, 40),
)
def test_the_ring_begins_with_a_key_frame_and_stays_small(
    gaps: list[bool], keep_s: int, back_s: int
) -> None:
    ring = PacketRing(keep_s, most_bytes=600)
    assert ring.since(0.0) is None
    ring.begin(FACTS)
    for at, is_key in enumerate(gaps):
        ring.add(KeptPacket(float(at), at, is_key, b"x" * 10))
    found = ring.since(len(gaps) - 1.0 - back_s)
    if found is not None:
        packets = found.packets
        assert packets[0].is_key
        assert packets[-1].time == len(gaps) - 1
        assert sum(len(packet.data) for packet in packets) <= 600
        wanted = len(gaps) - 1.0 - min(back_s, keep_s)
        keys = [at for at, is_key in enumerate(gaps) if is_key and at <= wanted]
        if keys and (len(gaps) - max(keys)) * 10 <= 600:
            assert packets[0].at_s <= wanted


def test_messages_come_out_as_they_went_in() -> None:
    messages = [
        Begun(),
        FACTS,
        frame(7),
        KeptPackets((KeptPacket(1.5, None, True, b"\x00\x01"), KeptPacket(1.5, -9, False, b""))),
        StoreFrame(8, 1.5, b"\x01", (PersonThere(3, (0.1, 0.2, 0.3, 0.4), b"\x02\x03"),)),
        End("no"),
    ]
    assert [unpack(pack(message)) for message in messages] == [[one] for one in messages]
    together = pack(*messages)
    assert unpack(together) == messages, "those of one moment come together"
    with pytest.raises(ValueError, match="its end is missing"):
        unpack(together[:-1])


@given(st.binary(max_size=40))
def test_a_damaged_message_is_refused_in_one_way(raw: bytes) -> None:
    with suppress(ValueError):
        unpack(raw)


def test_a_flapping_camera_is_one_message_and_one_when_it_is_well() -> None:
    notices = Notices(settle_s=60.0)
    told = []
    for minute in range(20):
        told.append(notices.begin("till", "no frames", "look at its cable", minute * 40.0))
        notices.end("till", "no frames", minute * 40.0 + 10)
        told += notices.settled(minute * 40.0 + 20)
    assert [words for words in told if words] == ["till: no frames: look at its cable"]
    assert notices.settled(19 * 40.0 + 70) == ["till: no frames: over after 12:50.0, 20 times"]
    assert notices.settled(1e9) == []
    assert notices.begin("till", "no frames", "again", 1e9) == "till: no frames: again"
    notices.end("till", "no frames", 1e9)
    notices.forget("till")
    assert notices.settled(2e9) == []

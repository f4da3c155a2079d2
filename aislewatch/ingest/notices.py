"""Says what people should know of a video's times, each ``what was seen -> what to do``."""

from aislewatch.frames.clock import clock
from aislewatch.frames.timing import PictureTimes

# Gaps that one notice names; the catalog has all.
NAMED = 3

# Seconds, and share, by which a stated length may differ from that of the pictures untold.
NEAR_S = 1.0
NEAR_SHARE = 0.05


def timing_notices(times: PictureTimes, stated_s: float | None) -> list[str]:
    """Say where a video has no pictures, and where its header states another length.

    Args:
        times: of its pictures.
        stated_s: its length as the header has it; None where it states none.
    """
    late = [end_s for start_s, end_s in times.gaps_s() if start_s == 0]
    holes = [gap for gap in times.gaps_s() if gap[0] > 0]
    notices = [
        f"its first picture is shown at {end_s:.1f} s of a player's clock, after sound or pictures "
        "that cannot be decoded -> nothing, if labels in seconds were made in a player"
        for end_s in late
    ]
    if holes:
        named = ", ".join(f"from {clock(start)} to {clock(end)}" for start, end in holes[:NAMED])
        more = f" and in {len(holes) - NAMED} more gaps" if len(holes) > NAMED else ""
        notices.append(
            f"it has no pictures {named}{more} -> nothing, if the recording paused: no clip "
            "crosses a gap, and none counts as normal"
        )
    # Some headers state when the pictures end, some for how long after the first.
    if stated_s is not None and all(
        abs(stated_s - times.end_s + late_s) > max(NEAR_S, NEAR_SHARE * stated_s)
        for late_s in (0.0, sum(late))
    ):
        notices.append(
            f"its header states {stated_s:.1f} s, its pictures end at {times.end_s:.1f} s -> "
            "nothing, if a player shows no more pictures: what counts is what was decoded"
        )
    return notices

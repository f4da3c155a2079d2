"""Draws the monitoring page: one file, with pictures of what changed; no script, no download."""

import base64
from collections import Counter

import numpy as np

from aislewatch.frames.clock import clock
from aislewatch.monitor.drift import LEVEL, Shift
from aislewatch.monitor.found import Monitored
from aislewatch.monitor.looks import MEANING
from aislewatch.pages import templates

# Pixels of a figure's drawing, and most points in it: as many as pixels are of no use.
WIDTH, HEIGHT, POINTS = 640, 120, 320


def render(found: Monitored) -> str:
    """Return the page as HTML."""
    drifted = found.drift.drifted
    concerned = {shift.camera for shift in drifted} | {seen.camera for seen in found.faults}
    pairs = [
        (name, inlined(found.before[name].still), inlined(found.now[name].still))
        for name in sorted(found.now.keys() & found.before.keys())
        if name in concerned
    ]
    drawings = [(shift, drawing(found, shift)) for shift in drifted]
    # A camera that is at fault is so in all its videos: the first shows it.
    times = Counter((seen.camera, seen.notice.fault) for seen in found.faults)
    firsts = {(seen.camera, seen.notice.fault): seen for seen in reversed(found.faults)}
    faults = [
        (seen, times[key], clock(seen.notice.seconds), inlined(seen.still))
        for key, seen in sorted(firsts.items())
    ]
    new = found.hours["new"]
    return (
        templates("aislewatch.monitor")
        .get_template("monitor.html.j2")
        .render(
            found=found,
            pairs=pairs,
            drawings=drawings,
            faults=faults,
            meaning=MEANING,
            level=f"{LEVEL:.0%}",
            at=found.at.strftime("%Y-%m-%d %H:%M UTC"),
            old_blocks=int((~new).sum()),
            new_blocks=int(new.sum()),
            size=(WIDTH, HEIGHT),
        )
    )


def drawing(found: Monitored, shift: Shift) -> list[tuple[float, float, bool]]:
    """Place a figure's hours in a drawing: x, y (pixels), and whether the hour is new."""
    own = found.hours[found.hours["camera"] == shift.camera]
    own = own[own[shift.figure].notna()].sort_values("new", kind="stable").tail(POINTS)
    values = own[shift.figure].to_numpy(float)
    span = np.ptp(values) or 1.0
    x = (np.arange(len(values)) + 0.5) * WIDTH / len(values)
    y = (HEIGHT - 8) * (1 - (values - values.min()) / span) + 4
    return list(zip(x.round(1).tolist(), y.round(1).tolist(), own["new"].tolist(), strict=True))


def inlined(jpeg: bytes) -> str:
    """Return a picture as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")

"""Draws scores of whole videos over time, with events and alerts."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from aislewatch.alerts.clips import Alert, ScoredClip
from aislewatch.alerts.engine import raise_alerts
from aislewatch.alerts.rule import AlertRule
from aislewatch.frames.clock import clock
from aislewatch.frames.sources import NO_TRACK
from aislewatch.pictures import EVENT, NEUTRAL, SCORE, SHOPLIFTING_COLOUR, picture
from aislewatch.report.mistakes import rgb_pictures
from aislewatch.report.seen import BOX, Still
from aislewatch.score.events import VideoOutcome, VideoScores

# Up to this many clips every one gets a dot; more would run into a band.
DOTS = 200

# Characters of a video's name that fit above half the picture's width.
NAME_WIDTH = 52

# Alerts of one video that are shown as pictures beside each other: more would be too small.
STILLS = 5
# Of their row, inches.
STILL_HEIGHT = 2.2


def draw_timeline(
    title: str,
    clips: Sequence[ScoredClip],
    alerts: Sequence[Alert],
    threshold: float,
    path: Path,
    stills: Sequence[Still] = (),
) -> None:
    """Draw one video's scores and the threshold, with its alerts shaded and hatched.

    A clip's score stands at its middle; an alert reaches from the beginning of its first clip to
    the end of its last.

    Args:
        title: the video's name.
        clips: at least one, in order of time.
        alerts: raised from them.
        threshold: that the scores were held against.
        path: PNG to write.
        stills: of its first alerts, at most ``STILLS``; shown below, each with its person's box.
    """
    with picture(path, 11.0, 3.2 + (STILL_HEIGHT if stills else 0.0)) as figure:
        if stills:
            parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.2, STILL_HEIGHT])
            axes = parts[0, 0].subplots()
            _draw_stills(parts[1, 0], stills)
        else:
            axes = figure.subplots()
        _draw(axes, clips, alerts, (), threshold)
        axes.set(ylabel="probability of shoplifting", xlabel="time in the video")
        axes.set_title(f"{title}: {counted(len(alerts))}", loc="left", parse_math=False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def telling_videos(
    videos: Sequence[VideoScores], outcomes: Sequence[VideoOutcome], count: int
) -> list[VideoScores]:
    """List the videos that say most: false alarms and missed events first, then the longest."""

    def weight(pair: tuple[VideoScores, VideoOutcome]) -> tuple[int, float, str]:
        video, outcome = pair
        wrong = outcome.false_alarms + outcome.events - outcome.found
        return -wrong, -video.duration_s, video.video

    scored = [pair for pair in zip(videos, outcomes, strict=True) if pair[0].clips]
    return [video for video, _ in sorted(scored, key=weight)[:count]]


def draw_timelines(videos: Sequence[VideoScores], rule: AlertRule, path: Path) -> None:
    """Draw a panel per video, two side by side: scores, events, alerts, threshold.

    Args:
        videos: at least one clip each.
        rule: that raises the alerts.
        path: PNG to write; written too when there is no video, and says so.
    """
    rows = max(1, -(-len(videos) // 2))
    with picture(path, 11.0, 1.5 * rows + 0.5) as figure:
        panels = figure.subplots(rows, 2, squeeze=False).ravel()
        for panel in panels[len(videos) :]:
            panel.set_axis_off()
        if not videos:
            panels[0].text(0.0, 0.5, "No test video is as long as a clip.")
        for panel, video in zip(panels, videos, strict=False):
            alerts = raise_alerts(video.clips, rule)
            _draw(panel, video.clips, alerts, video.events, rule.threshold)
            panel.set_title(_title(video, len(alerts)), loc="left", fontsize=8, parse_math=False)
            panel.tick_params(labelsize=7)
        found = {
            label: handle
            for panel in panels[: len(videos)]
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        if found:
            legend = figure.legend(found.values(), found.keys(), ncols=4, fontsize=8)
            legend.set_loc("outside upper right")


def _title(video: VideoScores, alerts: int) -> str:
    name = video.video if len(video.video) <= NAME_WIDTH else f"…{video.video[1 - NAME_WIDTH :]}"
    events = len(video.events)
    return f"{name}: {events} event{'' if events == 1 else 's'}, {counted(alerts)}"


def _draw(
    axes: Axes,
    clips: Sequence[ScoredClip],
    alerts: Sequence[Alert],
    events: Sequence[tuple[float, float]],
    threshold: float,
) -> None:
    for number, (start_s, end_s) in enumerate(events):
        # Below the scores, so that event and alert are told apart where they lie together.
        axes.axvspan(
            start_s,
            end_s,
            ymax=0.12,
            facecolor=EVENT,
            linewidth=0.0,
            label=None if number else "annotated event",
        )
    for number, alert in enumerate(alerts):
        if alert.track != NO_TRACK:
            who = f"person {alert.track}"
            axes.annotate(who, (alert.start_s, 1.0), fontsize=6, va="top", annotation_clip=True)
        axes.axvspan(
            alert.start_s,
            alert.end_s,
            facecolor=(SHOPLIFTING_COLOUR, 0.2),
            edgecolor=(SHOPLIFTING_COLOUR, 0.8),
            hatch="//",
            linewidth=0.0,
            label=None if number else "alert",
        )
    axes.plot(
        [(clip.start_s + clip.end_s) / 2 for clip in clips],
        [clip.score for clip in clips],
        color=SCORE,
        marker="." if len(clips) <= DOTS else "",
        label="score of a clip",
    )
    dashes = (0, (5, 3))
    axes.axhline(threshold, color=NEUTRAL, linestyle=dashes, linewidth=1.0, label="threshold")
    axes.set(ylim=(-0.03, 1.03), xlim=(clips[0].start_s, clips[-1].end_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))


def _draw_stills(figure: SubFigure, stills: Sequence[Still]) -> None:
    for panel, still in zip_longest(figure.subplots(1, STILLS, squeeze=False)[0], stills):
        panel.set_axis_off()
        if still is not None:
            [rgb_SSC] = rgb_pictures(still.frame_KW[None])
            # Stored frames are square: drawn in the proportions of the picture as displayed.
            panel.imshow(rgb_SSC, extent=(0.0, still.aspect, 1.0, 0.0), interpolation="bilinear")
            panel.set_title(clock(still.at_s), fontsize=8)
            if still.box is not None:
                left, top, right, bottom = still.box.clip(0.0, 1.0)
                place, width = (left * still.aspect, top), (right - left) * still.aspect
                outline = Rectangle(place, width, bottom - top, fill=False, edgecolor=BOX)
                panel.add_patch(outline)


def counted(alerts: int) -> str:
    """Return a count with its noun: ``1 alert``, ``2 alerts``."""
    return f"{alerts} alert{'' if alerts == 1 else 's'}"

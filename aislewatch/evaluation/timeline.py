"""One video's scores over time, with its alerts, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.ticker import FuncFormatter

from aislewatch.alerts import Alert, ScoredClip
from aislewatch.evaluation.style import LINES, NEUTRAL, SHOPLIFTING, picture

# Up to this many clips every one gets a dot; more would run into a band.
DOTS = 200


def draw_timeline(
    title: str,
    clips: Sequence[ScoredClip],
    alerts: Sequence[Alert],
    threshold: float,
    path: Path,
) -> None:
    """Score over time, the threshold, and the alerts shaded and hatched.

    A clip's score stands at its middle; an alert reaches from the beginning of its first clip to
    the end of its last.

    Args:
        title: the video's name.
        clips: at least one, in order of time.
        alerts: raised from them.
        threshold: that the scores were held against.
        path: PNG to write.
    """
    middles = [(clip.start_s + clip.end_s) / 2 for clip in clips]
    with picture(path, 11.0, 3.2) as figure:
        axes = figure.subplots()
        for number, alert in enumerate(alerts):
            axes.axvspan(
                alert.start_s,
                alert.end_s,
                facecolor=(SHOPLIFTING, 0.2),
                edgecolor=(SHOPLIFTING, 0.8),
                hatch="//",
                linewidth=0.0,
                label="alert" if number == 0 else None,
            )
        axes.plot(
            middles,
            [clip.score for clip in clips],
            color=LINES["convlstm"][0],
            marker="." if len(clips) <= DOTS else "",
            label="score of a clip",
        )
        dashes = (0, (5, 3))
        axes.axhline(threshold, color=NEUTRAL, linestyle=dashes, linewidth=1.0, label="threshold")
        axes.set(ylim=(-0.03, 1.03), xlim=(clips[0].start_s, clips[-1].end_s))
        axes.set(ylabel="probability of shoplifting", xlabel="time in the video")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
        axes.set_title(f"{title}: {counted(len(alerts))}", loc="left", parse_math=False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def counted(alerts: int) -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{alerts} alert{'' if alerts == 1 else 's'}"


def clock(seconds: float) -> str:
    """Seconds as ``m:ss.s``, from an hour on ``h:mm:ss``."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02d}:{tenths // 10:02d}"
    return f"{minutes}:{tenths / 10:04.1f}"

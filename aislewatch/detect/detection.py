"""Raises alerts on one video by the same decoding, scoring and smoothing as the pipeline."""

from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from aislewatch.alerts.clips import Alert, ScoredClip
from aislewatch.alerts.engine import raise_alerts
from aislewatch.alerts.rule import AlertRule, clips_to_alert, rule_in_words
from aislewatch.config.params import Params
from aislewatch.detect.viewing import viewed
from aislewatch.errors import FootageError
from aislewatch.files import sha256_file, whole_file, write_json
from aislewatch.frames.clock import clock
from aislewatch.models.build import WEIGHTS_FILE, load_model
from aislewatch.register.bundle import read_rule
from aislewatch.report.timeline import STILLS, counted, draw_timeline


@dataclass(frozen=True)
class Detection:
    """What was found in one video, and where it was written."""

    video: Path
    weights_sha256: str
    rule: AlertRule
    clips: tuple[ScoredClip, ...]
    alerts: tuple[Alert, ...]
    boxes: tuple[list[float] | None, ...]  # of the person at each alert's peak, pixels as displayed
    json_file: Path
    picture_file: Path

    def describe(self) -> str:
        """Describe the alerts for the terminal: a line for each, and where its picture lies."""
        asked = f"an alert needs {rule_in_words(self.rule)}"
        counts = f"{counted(len(self.alerts))} in {len(self.clips)} clips"
        lines = [f"{self.video.name}: {counts} ({asked})"]
        lines += [
            f"  {clock(alert.start_s)} to {clock(alert.end_s)}, peak score {alert.peak_score:.3f}"
            for alert in self.alerts
        ]
        if len(self.clips) < clips_to_alert(self.rule):
            lines.append(f"  too short for an alert, which needs {clips_to_alert(self.rule)} clips")
        return "\n".join([*lines, f"  {self.json_file}", f"  {self.picture_file}"])


def detect(video: Path, model_folder: Path, params: Params, out_dir: Path) -> Detection:
    """Score a video's successive clips, smooth them into alerts, write both.

    The frames are made as the model was trained (its ``config.json``), not as params.yaml says.

    Args:
        video: any file that ingest would accept.
        model_folder: ``weights.safetensors``, ``config.json`` and ``operating.json``, the alert
            rule as it was frozen when the model was registered; ``detector.onnx`` where the model
            is shown people.
        params: sections ingest (limits) and machine.
        out_dir: gets a JSON file and a PNG, both called as ``own_name`` says.

    Raises:
        FootageError: the video is missing or shorter than one clip.
        QuarantinedError: it cannot be decoded safely; carries the reason.
        ModelError: the model is missing, corrupt or does not fit.
    """
    if not video.is_file():
        raise FootageError(f"{video} is missing or no file; name an existing video")
    model, rule = load_model(model_folder), read_rule(model_folder)
    with viewed(video, model, model_folder, params) as seen:
        alerts = tuple(raise_alerts(seen.clips, rule))
        found = Detection(
            video=video,
            weights_sha256=sha256_file(model_folder / WEIGHTS_FILE),
            rule=rule,
            clips=seen.clips,
            alerts=alerts,
            boxes=tuple(seen.box(alert.track, alert.peak_s) for alert in alerts),
            json_file=out_dir / f"{own_name(video)}.json",
            picture_file=out_dir / f"{own_name(video)}.png",
        )
        stills = [seen.still(alert.track, alert.peak_s) for alert in alerts[:STILLS]]
    with whole_file(found.picture_file) as temporary:
        draw_timeline(video.name, found.clips, alerts, rule.threshold, temporary, stills)
    write_json(found.json_file, _as_json(found))
    return found


def own_name(video: Path) -> PurePath:
    """Return the place of a video's results below their folder, which no other video has.

    That is the video's own path, ending included; relative to the working folder if it lies there.
    """
    place, here = video.resolve(), Path.cwd().resolve()
    return place.relative_to(here if place.is_relative_to(here) else place.anchor)


def _as_json(found: Detection) -> dict[str, object]:
    return {
        "video": found.video.name,
        "path": own_name(found.video).as_posix(),
        "weights_sha256": found.weights_sha256,
        "rule": found.rule.model_dump(),
        "threshold": found.rule.threshold,
        "alerts": [
            asdict(alert) | {"box": box}
            for alert, box in zip(found.alerts, found.boxes, strict=True)
        ],
        "clips": [asdict(clip) for clip in found.clips],
    }

"""Says what a monitoring found, in values that the page, the command and MLflow show."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from aislewatch.monitor.drift import LEVEL, Drift
from aislewatch.monitor.looks import PICTURE_FIGURES, SCORE_FIGURES, Seen
from aislewatch.monitor.picture import Grey


@dataclass(frozen=True)
class CameraView:
    """How a camera looks: its view without who passes, if it has one, and a picture as JPEG."""

    view: Grey | None
    still: bytes


@dataclass(frozen=True)
class Monitored:
    """What was found.

    Args:
        drift: the decision.
        faults: cameras with a fault, as they were named.
        hours: every hour's figures: ``camera``, ``video``, ``hour``, ``new``, a column a figure.
        before: the reference's cameras.
        now: the new footage's.
        notes: what could not be compared, and why.
        at: when it was made.
    """

    drift: Drift
    faults: tuple[Seen, ...]
    hours: pd.DataFrame
    before: dict[str, CameraView]
    now: dict[str, CameraView]
    notes: tuple[str, ...]
    at: datetime

    @property
    def why(self) -> str:
        """Say in one line what was found."""
        drifted = [shift.describe() for shift in self.drift.drifted]
        faults = sorted({f"camera {seen.camera} is {seen.notice.fault}" for seen in self.faults})
        if drifted or faults:
            return "; ".join([*drifted, *faults])
        if not self.drift.shifts:
            return "; ".join(["too little footage to say", *self.drift.unjudged])
        return f"no drift in {len(self.drift.shifts)} figures (level {LEVEL:.0%} over all of them)"

    def series(self) -> dict[str, float]:
        """Return the new footage's figures by ``camera/figure``, to be drawn over time."""
        new = self.hours[self.hours["new"]]
        means = new.groupby("camera")[[*PICTURE_FIGURES, *SCORE_FIGURES]].mean()
        found = {
            f"{camera}/{figure}": float(value)
            for camera, row in means.iterrows()
            for figure, value in row.items()
            if not np.isnan(value)
        }
        return found | {
            "drift": float(bool(self.drift.drifted)),
            "cameras at fault": float(len({seen.camera for seen in self.faults})),
        }

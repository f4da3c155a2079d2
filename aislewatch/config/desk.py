"""The section ``desk`` of params.yaml: how long footage is kept, what is judged beside alerts."""

from typing import Annotated

from pydantic import Field

from aislewatch.config.types import Fraction, Positive, Section

Cap = Annotated[int, Field(ge=0)]


class Reviewing(Section):
    """Set what the review desk keeps and shows; no stage of dvc.yaml depends on it."""

    keep_h: Positive
    footage_gib: Positive
    audit_a_day: Cap
    near_a_day: Cap
    near_share: Fraction
    clip_s: Positive

    @property
    def footage_bytes(self) -> float:
        """Return the bytes of kept footage at most."""
        return self.footage_gib * (1 << 30)

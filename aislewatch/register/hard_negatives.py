"""Counts the false alarms of both models on what reviewers judged *not theft*."""

from dataclasses import dataclass, replace
from pathlib import Path

from aislewatch.config.params import Params
from aislewatch.frames.spans import SHOPLIFTING
from aislewatch.models.build import load_model
from aislewatch.models.scoring import set_up_compute, source_of
from aislewatch.register.bundle import read_rule
from aislewatch.register.decision import Verdict
from aislewatch.score.events import judge_alerts
from aislewatch.score.scored import Dataset, scored
from aislewatch.score.scoring import score_model
from aislewatch.tables import places

# Numbers of the verdict, and so tags of the version.
CLIPS = "gate.hard_negatives"
OURS, THEIRS = "gate.hard_negative_alarms", "gate.hard_negative_alarms_champion"


@dataclass(frozen=True)
class HardNegatives:
    """Holds the false alarms on the reviewers' clips without theft, which lie on train.

    Args:
        clips: how many there are.
        challenger: its false alarms on them.
        champion: those of the champion; None where there is none.
    """

    clips: int
    challenger: int
    champion: int | None

    def beside(self, verdict: Verdict) -> Verdict:
        """Return the verdict with them; they decide nothing, for the challenger learned from them.

        Alarms of the champion that stay on clips which taught the challenger tell people that it
        learned nothing from them; a fair comparison is that on the test footage.
        """
        if not self.clips:
            return verdict
        said = f"false alarms on {self.clips} hard negatives (clips that reviewers judged not theft"
        said += f", which it learned from): {self.challenger}"
        numbers = {CLIPS: float(self.clips), OURS: float(self.challenger)}
        if self.champion is not None:
            said += f" against the champion's {self.champion}"
            numbers[THEIRS] = float(self.champion)
        reason = f"{verdict.reason}; {said}"
        return replace(verdict, reason=reason, numbers=verdict.numbers | numbers)


def hard_negatives(
    challenger: Path, champion: Path | None, dataset: Dataset, params: Params
) -> HardNegatives:
    """Score the reviewers' clips without theft by both models, each with its frozen rule.

    Args:
        challenger: its weights, config and operating point.
        champion: the same; None where there is no champion.
        dataset: today's tables; uses splits, catalog, annotations and videos.
        params: sections machine and evaluate.
    """
    judged = set(dataset.videos.loc[dataset.videos["source"] == places.JUDGED, "video"])
    events = dataset.annotations["label"] == SHOPLIFTING
    judged -= set(dataset.annotations.loc[events, "video"])
    splits = dataset.splits
    own = splits[splits["video"].isin(judged) & (splits["split"] == "train")]
    if own.empty:
        return HardNegatives(0, 0, None)
    theirs = replace(dataset, splits=own.reset_index(drop=True))
    return HardNegatives(
        int(own["video"].nunique()),
        _false_alarms(challenger, theirs, params),
        None if champion is None else _false_alarms(champion, theirs, params),
    )


def _false_alarms(folder: Path, dataset: Dataset, params: Params) -> int:
    model, device = load_model(folder), set_up_compute(params.machine)
    tables = dataset.splits, dataset.catalog
    clips = score_model(model, *tables, source_of(model.config), device, ("train",))
    videos = scored("hard negatives", {}, clips, dataset).whole["train"]
    outcomes = judge_alerts(videos, read_rule(folder), params.evaluate)
    return sum(outcome.false_alarms for outcome in outcomes)

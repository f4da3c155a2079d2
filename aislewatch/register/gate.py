"""Asks the gate whether a version becomes champion; an older champion is scored anew for it."""

from pathlib import Path

from aislewatch.config.params import Params
from aislewatch.models.build import load_model
from aislewatch.models.people_form import PeopleForm, read_people_form
from aislewatch.models.scoring import set_up_compute, source_of
from aislewatch.register.bundle import read_rule
from aislewatch.register.decision import Verdict, already_champion, not_comparable, taken_back
from aislewatch.register.hard_negatives import hard_negatives
from aislewatch.register.history import read_entries, refused
from aislewatch.register.promotion import Contender, compare, first_champion
from aislewatch.register.stored import fetched
from aislewatch.register.versions import CHAMPION, Registered, Registry
from aislewatch.score.ledger import record_test_use
from aislewatch.score.scored import Dataset, Scored, scored
from aislewatch.score.scoring import score_model
from aislewatch.tables import places

# What two models must share to be scored on the same clips.
CLIP_FORM = ("frame_size", "n_frames", "step", "fps")


def challenge(
    registry: Registry,
    version: Registered,
    own: Path,
    scores: Scored,
    dataset: Dataset,
    split_digest: str,
    params: Params,
) -> Verdict:
    """Decide whether a version becomes champion, by what both score today.

    Args:
        registry: has the champion, if there is one.
        version: the challenger.
        own: its weights, config and operating point.
        scores: of these weights, by the score stage.
        dataset: today's tables.
        split_digest: sha256 of the split table, whose uses are counted.
        params: sections machine, evaluate and register.

    Raises:
        ModelError: the champion's bytes are not those that were registered.
        RegistryError: the audit is broken.
    """
    taken_off = refused(read_entries(registry.model_tags()), version.version)
    if taken_off is not None:
        return taken_back(taken_off)
    current = registry.by_alias(CHAMPION)
    if current is not None and current.digest == version.digest:
        return already_champion()
    challenger = _contender(scores, own)
    if current is None:
        verdict = first_champion(challenger, params.gate, params.evaluate)
        return hard_negatives(own, None, dataset, params).beside(verdict)
    with fetched(registry, current) as theirs:
        then, now = load_model(theirs).config, load_model(own).config
        for name in CLIP_FORM:
            if getattr(then, name) != getattr(now, name):
                return not_comparable(f"{name} {getattr(then, name)}, now {getattr(now, name)}")
        if then.people is not None and then.people != _people_today(params):
            return not_comparable("it was shown people as another detector or square has them")
        record_test_use("register", current.digest, split_digest)
        champion = _contender(_scored_today(theirs, dataset, params), theirs)
        reviewed = hard_negatives(own, theirs, dataset, params)
    return reviewed.beside(compare(challenger, champion, params.gate, params.evaluate))


def _people_today(params: Params) -> PeopleForm | None:
    return None if params.people.detector == "none" else read_people_form(places.PEOPLE_FORM)


def _scored_today(folder: Path, dataset: Dataset, params: Params) -> Scored:
    """Score an older champion on test alone: the gate reads nothing of validation."""
    model, device = load_model(folder), set_up_compute(params.machine)
    tables = dataset.splits, dataset.catalog
    clips = score_model(model, *tables, source_of(model.config), device, ("test",))
    return scored("champion", {}, clips, dataset)


def _contender(scores: Scored, folder: Path) -> Contender:
    return Contender(scores.side("test"), scores.whole["test"], read_rule(folder))

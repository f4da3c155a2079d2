"""The gate asked for a registered version: champion and challenger, both scored today."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from aislewatch.config.params import Params
from aislewatch.files import sha256_file
from aislewatch.models.build import WEIGHTS_FILE, load_model
from aislewatch.models.scoring import set_up_compute
from aislewatch.register.bundle import read_rule
from aislewatch.register.history import read_entries, rolled_back
from aislewatch.register.promotion import (
    Candidate,
    Verdict,
    already_champion,
    compare,
    first_champion,
    not_comparable,
    other_rule,
    taken_back,
)
from aislewatch.register.stored import fetched
from aislewatch.register.versions import CHAMPION, Registered, Registry
from aislewatch.score.ledger import record_test_use
from aislewatch.score.scored import Footage, score_model

# What two models must share to be scored on the same clips.
CLIP_FORM = ("frame_size", "n_frames", "step", "fps")


def judge(
    registry: Registry,
    version: Registered,
    own: Path,
    footage: Footage,
    split_digest: str,
    params: Params,
) -> Verdict:
    """Decide whether a version becomes champion, by what both score today.

    Args:
        registry: has the champion, if there is one.
        version: the challenger.
        own: its weights, config and operating point.
        footage: today's tables.
        split_digest: sha256 of the split table, whose uses are counted.
        params: sections compute, evaluate and register.

    Raises:
        ModelError: the champion's bytes are not those that were registered.
        RegistryError: the audit is broken.
    """
    taken_off = rolled_back(read_entries(registry.model_tags()), version.version)
    if taken_off is not None:
        return taken_back(taken_off)
    current = registry.by_alias(CHAMPION)
    if current is not None and current.digest == version.digest:
        return already_champion()
    scored = partial(_scored, footage=footage, split_digest=split_digest, params=params)
    if current is None:
        challenger = scored(own, version.digest)
        return first_champion(challenger, params.gate, params.evaluate)
    with fetched(registry, current) as theirs:
        return _against(theirs, current.digest, own, version.digest, scored, params)


def _against(
    theirs: Path,
    champion: str,
    own: Path,
    challenger: str,
    scored: Callable[[Path, str], Candidate],
    params: Params,
) -> Verdict:
    """Compare two models' files; digests are those of their versions."""
    if sha256_file(theirs / WEIGHTS_FILE) == sha256_file(own / WEIGHTS_FILE):
        return other_rule()
    then, now = load_model(theirs).config, load_model(own).config
    for name in CLIP_FORM:
        if getattr(then, name) != getattr(now, name):
            return not_comparable(f"{name} {getattr(then, name)}, now {getattr(now, name)}")
    ours = scored(own, challenger)
    return compare(ours, scored(theirs, champion), params.gate, params.evaluate)


def _scored(
    own: Path, digest: str, footage: Footage, split_digest: str, params: Params
) -> Candidate:
    record_test_use("register", digest, split_digest)
    scored = score_model("register", load_model(own), footage, set_up_compute(params.machine))
    return Candidate(scored.side("test"), scored.whole["test"], read_rule(own))

"""Chooses the side of every group by an integer program, which HiGHS solves.

Groups that are alike (same clips, positives, negatives and allowed sides) are counted, not told
apart, so that the solver does not try their permutations. Measured in docs/benchmarks.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import eye_array, hstack, kron

from aislewatch.split.assignment import POINT, SIDES, Counts, Floats, Sharing, Sides

# Points by which a side may miss before the search goes on: a tenth of what params.yaml tolerates.
NEAR = 0.1
# Nodes of the search tree after which the nearest so far is taken: 0.4 s for 100 groups. 1,000 took
# twice that and came 0.002 points nearer. A limit on time would let the machine's load decide what
# is hashed.
NEAR_NODES = 200
# Nodes after which it stays open whether the tolerance can be kept. The largest tree seen had 2,540
# (4.7 s); 10,000 groups took 2.2 s.
PROOF_NODES = 20_000


@dataclass(frozen=True)
class Answer:
    """Holds what the solver found.

    Args:
        sides: (G,) indices into ``SIDES``, or None where no assignment was found that leaves both
            classes on every side.
        violation: points by which the assignment leaves the tolerance; 0 where it keeps it.
        proven: no assignment does better.
    """

    sides: Sides | None
    violation: float
    proven: bool


def solve(sharing: Sharing, tolerance_Q: Floats) -> Answer:
    """Choose the assignment that comes nearest to the targets, to within a tenth of a point.

    Every side holds both classes. Where that keeps the tolerance, val and test also get their
    share of the groups, and of those with each class: left to itself the solver filled a side of
    100 groups with the 6 largest, and 6 recordings say little of others.

    Args:
        sharing: what to share out. Of alike groups, the first ones go to train.
        tolerance_Q: points by which a side may miss its share of each quantity. Deviations count in
            proportion to it.
    """
    both_classes_SQ = np.tile([0, 1, 1], (len(SIDES), 1))
    spread_SQ = np.floor(sharing.targets * (sharing.counts > 0).sum(axis=0)).astype(np.int64)
    spread_SQ[SIDES.index("train")] = 0
    spread_SQ = np.maximum(spread_SQ, both_classes_SQ)
    unit_Q = tolerance_Q / tolerance_Q.min()
    sides_G, _ = _nearest(sharing, NEAR * unit_Q, unit_Q, spread_SQ, NEAR_NODES)
    if sharing.violation(sides_G, tolerance_Q) > 0:
        sides_G, _ = _nearest(sharing, NEAR * unit_Q, unit_Q, both_classes_SQ, NEAR_NODES)
    if sharing.violation(sides_G, tolerance_Q) == 0:
        return Answer(sides_G, 0.0, proven=True)
    points_Q = np.ones_like(tolerance_Q)
    sides_G, proven = _nearest(sharing, tolerance_Q, points_Q, both_classes_SQ, PROOF_NODES)
    return Answer(sides_G, sharing.violation(sides_G, tolerance_Q), proven)


def _nearest(
    sharing: Sharing, enough_Q: Floats, beyond_Q: Floats, least_groups_SQ: Counts, nodes: int
) -> tuple[Sides | None, bool]:
    """Look for an assignment that misses by no more than is enough, else for the nearest to it.

    Returns:
        the sides (G,), or None where none was found; and whether no assignment does better.
    """
    kinds_K6, kind_G = np.unique(
        np.concatenate([sharing.counts, sharing.allowed], axis=1), axis=0, return_inverse=True
    )
    number_K = np.bincount(kind_G)
    found = _program(sharing, kinds_K6, number_K, enough_Q, beyond_Q, least_groups_SQ, nodes)
    # 0: solved; 2: impossible. Anything else is a limit, or trouble with numbers.
    proven = found.status in (0, 2)
    if found.x is None:
        return None, proven
    numbers_KS = np.rint(found.x[:-1]).astype(np.int64).reshape(-1, len(SIDES))
    # Answers that break the constraints have been seen: github.com/scipy/scipy/issues/24141.
    if (numbers_KS.sum(axis=1) != number_K).any():
        return None, False
    sides_G = np.empty(len(kind_G), np.int64)
    for kind, number_S in enumerate(numbers_KS):
        sides_G[kind_G == kind] = np.repeat(np.arange(len(SIDES)), number_S)
    return sides_G, proven


def _program(
    sharing: Sharing,
    kinds_K6: Counts,
    number_K: Counts,
    enough_Q: Floats,
    beyond_Q: Floats,
    least_groups_SQ: Counts,
    nodes: int,
) -> OptimizeResult:
    """Solve for every kind's number of groups on each side.

    The last variable is what deviations have beyond ``enough_Q``, as a multiple of ``beyond_Q``.
    """
    counts_KQ, allowed_KS = kinds_K6[:, : len(enough_Q)], kinds_K6[:, len(enough_Q) :]
    each_side = eye_array(len(SIDES))
    # In clips, not in points: the solver's arithmetic is at its best with whole numbers.
    held = kron(counts_KQ.T, each_side)
    holders = kron((counts_KQ > 0).T, each_side)
    every_kind = kron(eye_array(len(number_K)), np.ones((1, len(SIDES))))
    wanted = (sharing.targets * sharing.total).T.ravel()
    enough = np.repeat(enough_Q * POINT * sharing.total, len(SIDES))
    beyond = np.repeat(beyond_Q * POINT * sharing.total, len(SIDES))
    return milp(
        np.append(np.zeros(allowed_KS.size), 1.0),
        constraints=[
            LinearConstraint(_with_violation(every_kind, 0 * number_K), number_K, number_K),
            LinearConstraint(_with_violation(held, -beyond), ub=wanted + enough),
            LinearConstraint(_with_violation(held, beyond), lb=wanted - enough),
            LinearConstraint(_with_violation(holders, 0 * beyond), lb=least_groups_SQ.T.ravel()),
        ],
        bounds=Bounds(0.0, np.append((number_K[:, None] * allowed_KS).ravel(), np.inf)),
        integrality=np.append(np.ones(allowed_KS.size), 0),
        # Without presolve as quick. Now and then HiGHS prints a line of its own, though ``disp`` is
        # off (jump-dev/HiGHS.jl#312).
        options={"node_limit": nodes, "mip_rel_gap": 0.0, "presolve": False},
    )


def _with_violation(rows: Any, factors: Any) -> Any:
    return hstack([rows.astype(float), np.asarray(factors, float)[:, None]], format="csr")

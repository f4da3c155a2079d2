"""Write mnnit.csv, the folds of research/accuracy.py, from the corpus' tables alone.

python research/folds/make_mnnit.py CORPUS

A recording is what must stay on one side: clips of one source group, joined with every pair known
to share frames, however few. Five folds, by scikit-learn, stratified by label, none of it chosen.
Committed before the first training, so that nobody can choose folds by their results.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

FOLDS = 5
SEED = 0
# Share of frames from which two clips under different labels are one take: neither teaches.
SAME_TAKE = 0.5


def recordings(clips: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Name of each clip's recording: the first of the source groups that are joined."""
    groups = sorted(set(clips["source_group"]))
    of_clip = dict(
        zip(clips["path"], (groups.index(g) for g in clips["source_group"]), strict=True)
    )
    a, b = [of_clip[p] for p in pairs["a"]], [of_clip[p] for p in pairs["b"]]
    links = coo_array((np.ones(len(a)), (a, b)), shape=(len(groups), len(groups)))
    _, component = connected_components(links, directed=False)
    first = {c: groups[list(component).index(c)] for c in set(component)}
    return [first[component[of_clip[path]]].removeprefix("mnnit:") for path in clips["path"]]


def folded(corpus: Path) -> pd.DataFrame:
    """A row a clip: path, label, recording, fold, contradicted."""
    clips = pd.read_csv(corpus / "manifest.csv")
    clips = clips[clips["path"].str.startswith("mnnit/")].sort_values("path", ignore_index=True)
    pairs = pd.read_csv(corpus / "near_duplicates.csv")
    clips["recording"] = recordings(clips, pairs)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    clips["fold"] = -1
    for fold, (_, rows) in enumerate(splitter.split(clips, clips["label"], clips["recording"])):
        clips.loc[rows, "fold"] = fold
    one_take = pairs[pairs["labels_conflict"] & (pairs["frac_frames_shared"] >= SAME_TAKE)]
    clips["contradicted"] = clips["path"].isin({*one_take["a"], *one_take["b"]}).astype(int)
    columns = ["path", "label", "recording", "fold", "contradicted"]
    return clips[columns]


if __name__ == "__main__":
    folded(Path(sys.argv[1])).to_csv(Path(__file__).with_name("mnnit.csv"), index=False)

"""Prepare the protocol on people: a row a video, of its main person.

python -m research.people PROJECT FOLDER

PROJECT is one in which the stages ingest and track ran on the footage of research.pack, as a source
called mnnit, with people.detector: yolox. Then, with the detector's features in place of frames:

python -m research.accuracy FOLDER --frames PROJECT/data/dataset/people/features
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKED
from research.footage import FORM, TABLE
from research.pack import with_folds
from research.recipe import Recipe


def main_people(catalog: pd.DataFrame, tracked: pd.DataFrame) -> pd.DataFrame:
    """Return path, frames_file, first (0) and n_frames of each video's most prominent person.

    Somebody who is not there for a whole clip does not count; a video without anybody has no frame.
    """
    there = tracked[tracked["n_frames"] >= Recipe().span].sort_values("prominence", kind="stable")
    main = there.drop_duplicates("video", keep="last").set_index("video")
    found = main.reindex(catalog["video"])
    columns = {
        "path": catalog["video"].tolist(),
        "frames_file": found["file"].fillna("").tolist(),
        "first": 0,
        "n_frames": found["n_frames"].fillna(0).astype(int).tolist(),
    }
    return pd.DataFrame(columns)


def main(project: Path, folder: Path) -> None:
    """Write videos.csv and form.json of the people."""
    catalog = CATALOG.at(project / CATALOG.path).read()
    tracked = TRACKED.at(project / TRACKED.path).read()
    folder.mkdir(parents=True, exist_ok=True)
    with_folds(main_people(catalog, tracked)).to_csv(folder / TABLE, index=False)
    shutil.copyfile(project / places.PEOPLE_FORM, folder / FORM)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""What the stage validate reads, made small."""

from pathlib import Path

import pandas as pd
import yaml

from tests.films import SIZE, write_films

HEADER = "video,start_s,end_s,label\n"


def project(folder: Path, catalog: pd.DataFrame, events: str | None = None) -> None:
    """Write what validate reads into ``folder``: the first two videos show the same motion."""
    params = yaml.safe_load(Path("params.yaml").read_text()) | {"sources": {"shop": "folder"}}
    params["frames"]["size"] = SIZE
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "data" / "raw" / "shop").mkdir(parents=True)
    walks = [0, *range(len(catalog) - 1)][: len(catalog)]
    write_films(folder / "data", catalog, walks)
    catalog.to_parquet(folder / "data/dataset/catalog.parquet")
    if events is not None:
        (folder / "data" / "raw" / "shop" / "events.csv").write_text(events)

"""People are found on a Dask cluster to the same bytes; a worker that dies is told."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from aislewatch.errors import FootageError
from aislewatch.files import sha256_tree
from aislewatch.people import footage
from aislewatch.people.store import Entry
from aislewatch.tables import places
from tests.dask_cluster import workers
from tests.people.shop import film, make_shop, run_both, run_track, walk

FIND = footage._find


def deadly(video, *rest) -> Entry:  # type: ignore[no-untyped-def]  # as `_find`
    if video.name.endswith("b.mp4"):
        os._exit(1)
    return FIND(video, *rest)


def test_a_cluster_finds_the_same_people_and_its_dead_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path)
    for start, name in enumerate(("a.mp4", "b.mp4", "c.mp4")):
        film(shop, name, walk(12, start=8 * start))
    noted = run_both(shop, monkeypatch)
    here = sha256_tree(places.PEOPLE)
    shutil.rmtree(places.PEOPLE_STORE)
    shutil.rmtree(places.PEOPLE)
    with workers(2, allowed_failures=0) as address:
        values = yaml.safe_load(Path("params.yaml").read_text())
        values["machine"]["cluster"] = address
        Path("params.yaml").write_text(yaml.safe_dump(values))
        again = run_track(shop)
        assert again == noted
        assert again["new"] == 3
        assert sha256_tree(places.PEOPLE) == here
        shutil.rmtree(places.PEOPLE_STORE)
        monkeypatch.setattr(footage, "_find", deadly)
        with pytest.raises(FootageError, match=r"in shop/normal/b\.mp4 died .*machine\.cluster"):
            run_track(shop)
    assert sha256_tree(places.PEOPLE) == here

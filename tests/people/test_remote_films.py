"""People in films that lie on S3: found as in files here, and nothing of the films stays."""

import shutil
from pathlib import Path

import boto3
import pytest

from aislewatch.cli.main import main
from aislewatch.files import sha256_tree
from aislewatch.tables import places
from tests.people.shop import film, make_shop, run_both, walk
from tests.s3_server import s3_server


def test_people_and_catalog_are_those_of_films_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path)
    for start, name in enumerate(("a.mp4", "b.mp4")):
        film(shop, name, walk(12, start=8 * start))
    noted = run_both(shop, monkeypatch)
    here = [sha256_tree(places.PEOPLE), places.CATALOG.read_bytes()]
    source = places.RAW / "shop"
    with s3_server(tmp_path, "films"):
        for path in source.rglob("*.mp4"):
            key = path.relative_to(source).as_posix()
            boto3.client("s3").upload_file(str(path), "films", key)
            path.unlink()
        main(["footage", "s3://films", str(source)])
        for made in (places.WORK, places.DATASET):
            shutil.rmtree(made)
        assert run_both(shop, monkeypatch) == noted
    assert [sha256_tree(places.PEOPLE), places.CATALOG.read_bytes()] == here
    assert not list(tmp_path.rglob("*.mp4"))

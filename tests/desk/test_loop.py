"""The loop closes: stream, alert, verdict, data version, a model without that false alarm."""

import json
import re
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import Params, load_params
from aislewatch.detect.detection import detect
from aislewatch.files import write_json
from aislewatch.register.bundle import OPERATING
from aislewatch.retrain.news import Manifest, decide, differences, footage_differences
from aislewatch.tracking.provenance import lock_entries, made_outputs
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.scorer import load_live
from aislewatch.watch.telling import Teller
from aislewatch.watch.watcher import CameraWatch
from tests.desk.desks import open_shop
from tests.desk.two_alerts import verdict
from tests.projects import ask, keep_networks, mlflow_client, run, set_params
from tests.waiting import wait_for
from tests.watch.champions import register_champion

NOW = datetime(2026, 11, 30, tzinfo=UTC)

CAMERAS = ("till", "door", "aisle")

# A clip of the small project lasts 5.3 s; an alert's film some clips of it.
BEFORE_S, AFTER_S = 5.0, 10.0


def make_films(folder: Path) -> dict[str, Path]:
    """Render what no shop shows, and no network of the project has seen: a slow flight."""
    films = {}
    for number, name in enumerate(CAMERAS):
        source = f"mandelbrot=s=64x64:r=12:start_scale={3 - number / 2}"
        films[name] = folder / f"{name}.mp4"
        command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-t", "24"]
        command += ["-g", "12", "-pix_fmt", "yuv420p", str(films[name])]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return films


def highest(film: Path, network: Path, params: Params, out: Path) -> list[float]:
    """Score a film's clips by a network, lowest score first."""
    return sorted(clip.score for clip in detect(film, network, params, out).clips)


def watch(project: Path, network: Path, params: Params, films: dict[str, Path]) -> None:
    """Watch the films as streams until each has raised an alert and its film is written."""
    cameras = {name: LoopbackCamera(film) for name, film in films.items()}
    told = [
        {"name": name, "address": camera.address, "role": "aisle"}
        for name, camera in cameras.items()
    ]
    watching = {
        "metrics_port": 0,
        "segment_s": 0,
        "before_s": BEFORE_S,
        "after_s": AFTER_S,
        "late_s": 60,
    }
    file = project / "cameras.yaml"
    file.write_text(yaml.safe_dump({"watching": watching, "cameras": told}))
    model = load_live("aislewatch", "2", network, params.machine, project)
    watcher = CameraWatch(file, [model], project / "live", Teller(project / "live", model))
    thread = threading.Thread(target=watcher.run)
    thread.start()
    evidence = project / "live/evidence"
    wait_for(lambda: len(list(evidence.glob("[a-z]*"))) >= len(films), 300)
    watcher.stop()
    thread.join(120)
    for camera in cameras.values():
        camera.close()


def manifest(raw: Path) -> Manifest:
    """List the footage as a retraining does."""
    return {
        path.relative_to(raw).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in raw.rglob("*")
        if path.is_file()
    }


def test_a_false_alarm_is_judged_learned_from_and_gone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = load_params(project / "params.yaml")
    films = make_films(tmp_path)
    # A champion with the weights of the first run, whose threshold all of these films reach.
    network = tmp_path / "network"
    selected = json.loads((project / "models/selected.json").read_text())["model"]
    shutil.copytree(project / "models" / selected, network)
    write_json(network / OPERATING, {"rule": rule_at(params.alerts, 0.5).model_dump()})
    before = {name: highest(film, network, params, tmp_path) for name, film in films.items()}
    threshold = 0.9 * min(scores[0] for scores in before.values())
    write_json(network / OPERATING, {"rule": rule_at(params.alerts, threshold).model_dump()})
    set_params(
        project,
        {
            "alerts": {"fallback_threshold": threshold},
            "train": {"epochs": 3},
            "tune": {"trials": 1},
        },
    )
    monkeypatch.chdir(project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'mlflow.db'}")
    register_champion(network)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    shutil.rmtree(project / "bundle")

    # Stream and alert.
    watch(project, network, params, films)
    # Verdict.
    shop = open_shop(project / "live")
    shop.look()
    guard = shop.client("gus")
    clips = sorted(path.name for path in (project / "live/evidence").glob("[a-z]*"))
    for clip in clips:
        assert verdict(guard, clip, "not theft") == 303
    shop.desk.database.close()
    # A new version of the data.
    seen = manifest(project / "data/raw")
    locked = (project / "dvc.lock").read_text()
    published = ask(project, "desk", "publish")
    assert re.search(r"3 hard negative.*version [0-9a-f]{12}", published), published
    # The verdicts are a reason to train.
    status = json.loads(run(project, "dvc", "status", "--json").splitlines()[-1])
    news = footage_differences(seen, manifest(project / "data/raw"))
    made = set(made_outputs(lock_entries(project / "dvc.lock")))
    decision = decide(differences(status, made, news), None, None, None, 90.0, NOW)
    assert decision.learn
    assert f"new verdicts of people: {len(clips) + 1} (desk/" in decision.headline
    # Retrained.
    keep_networks(project, [selected])
    run(project, "dvc", "repro", "register")
    assert (project / "dvc.lock").read_text() != locked
    newest = max(
        mlflow_client(project).search_model_versions("name = 'aislewatch'"),
        key=lambda version: int(version.version),
    )
    assert int(newest.version) == 3
    assert float(newest.tags["gate.hard_negatives"]) == len(clips)
    assert float(newest.tags["gate.hard_negative_alarms_champion"]) >= len(clips)
    assert float(newest.tags["gate.hard_negative_alarms"]) == 0
    assert "hard negatives (clips that reviewers judged not theft" in newest.tags["verdict"]
    # The false alarm on that footage is gone.
    chosen = json.loads((project / "models/selected.json").read_text())
    learned = tmp_path / "learned"
    shutil.copytree(project / "models" / chosen["model"], learned)
    write_json(learned / OPERATING, chosen["operating"])
    for name, film in films.items():
        assert detect(film, network, params, tmp_path).alerts, name
        assert not detect(film, learned, params, tmp_path).alerts, name

"""docker/: its servers carry a flow, refuse strangers, and come back from a backup."""

import json
import math
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import httpx
import psycopg2
import pytest
import torch
import yaml
from botocore.exceptions import ClientError
from mlflow.tracking import MlflowClient
from sqlalchemy.engine import make_url

from aislewatch.config.params import load_params
from aislewatch.errors import RegistryError
from aislewatch.files import sha256_tree
from aislewatch.models.build import load_model
from aislewatch.recording.client import connect
from aislewatch.register.stored import champion
from aislewatch.tune.storage import join_study, open_storage
from tests.code_closure import ROOT
from tests.flows.shop_night import until
from tests.mlflow_routes import Route, ask, mlflow_routes, prefect_routes
from tests.native_runs import answers, dvc_here, run_states, stage_of, start_run
from tests.native_stack import (
    MLFLOW_ARTIFACTS,
    NativeStack,
    add_a_run,
    connected,
    mlflow_holds,
    native_stack,
)
from tests.prefect_servers import running
from tests.projects import set_params
from tests.tiny_pipelines import make_diamond
from tests.watch.champions import register_champion, save_network


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeStack]:
    with native_stack(tmp_path_factory.mktemp("stack")) as servers:
        yield servers


@pytest.mark.timeout(1800)
def test_the_demos_run_goes_on_while_each_service_is_started_again(
    stack: NativeStack, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data and networks are there; the servers know nothing of it yet.

    A worker that is stopped ends its run as Crashed; the next run goes on from what was finished,
    and ends well though everything else is stopped and started in the middle of a stage.
    """
    folder = project
    (folder / "mlflow.db").unlink()
    shutil.rmtree(folder / "mlartifacts")
    shutil.rmtree(folder / ".aislewatch/runs")
    set_params(folder, {"evaluate": {"confidence": 0.9}})
    stated = yaml.safe_load((folder / "prefect.yaml").read_text())
    stated["deployments"] = [
        stated["deployments"][0]
        | {"entrypoint": "flows.pipeline.pipeline", "schedules": [], "triggers": []}
    ]
    (folder / "prefect.yaml").write_text(yaml.safe_dump(stated))
    stack.finish("deploy", folder)
    env = stack.inside("worker")
    for name, value in env.items():
        if name.startswith(("MLFLOW_TRACKING", "PREFECT_API")):
            monkeypatch.setenv(name, value)
    client = MlflowClient(env["MLFLOW_TRACKING_URI"])

    worker = stack.environment("worker") | {"PREFECT_WORKER_WEBSERVER_PORT": stack.ports["8080"]}
    at_work = (stack.command("worker"), worker, folder / "worker.log", stack.healthy("worker"))
    with running(*at_work) as process:
        first = start_run(env)
        stage_of(folder)
        process.terminate()
        process.wait(300)
        assert run_states(env) == {first: "CRASHED"}
    with running(*at_work):
        second = start_run(env)
        stage = stage_of(folder)
        stage.suspend()
        stack.stop("postgres")
        stack.start("postgres")
        until(lambda: answers(client), 600.0, lambda: "MLflow does not come back to PostgreSQL")
        for service in ("storage-models", "storage-data", "mlflow", "prefect"):
            stack.stop(service)
            stack.start(service)
        stage.resume()
        until(lambda: run_states(env)[second] != "RUNNING", 900.0, lambda: run_states(env))
        assert run_states(env) == {first: "CRASHED", second: "COMPLETED"}

    experiment = client.get_experiment_by_name("aislewatch")
    found = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])
    parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.status for run in parents] == ["KILLED", "FINISHED"]
    assert all(run.info.artifact_uri.startswith("mlflow-artifacts:") for run in parents)
    champion = client.get_model_version_by_alias("aislewatch", "champion")
    digest = json.loads((folder / "registration.json").read_text())["digest"]
    assert champion.tags["digest"] == digest


def test_the_deployment_gets_there(stack: NativeStack, tmp_path: Path) -> None:
    """The one-shot service's own command, in a project with our prefect.yaml, said twice."""
    (tmp_path / "prefect.yaml").write_bytes((ROOT / "prefect.yaml").read_bytes())
    said = [stack.finish("deploy", tmp_path) for _ in range(2)]
    assert "nothing changed" in said[1]
    env = stack.inside("worker")
    command = ["prefect", "deployment", "inspect", "retrain/retrain"]
    shown = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert "0 3 * * *" in shown


CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("login", [None, ("admin", "wrong")])
def test_every_route_of_prefect_refuses_who_is_not_known(
    stack: NativeStack, login: tuple[str, str] | None
) -> None:
    routes = prefect_routes(stack.inside("prefect"), stack.folder)
    assert len(routes) > 150
    with httpx.Client(base_url=stack.inside("worker")["PREFECT_API_URL"], auth=login) as server:
        answers = {route: ask(server, route, {}).status_code for route in routes}
    let_in = {route.path for route, status in answers.items() if status not in (401, 403)}
    assert let_in == {"/health", "/ready"}, "for health checks; they hold no data"
    # What changes something is refused before the login is looked at: it lacks the form's token.
    assert {route.method for route, status in answers.items() if status == 403} <= CHANGING


def test_a_foreign_name_is_refused(stack: NativeStack) -> None:
    mlflow = stack.inside("worker")["MLFLOW_TRACKING_URI"]
    answer = httpx.get(f"{mlflow}/api/2.0/mlflow/experiments/search", headers={"Host": "evil.test"})
    assert answer.status_code == 403


# What MLflow answers to anybody, and why.
OPEN = {
    "/health": "the health check",
    "/static-files/<path:path>": "the pages' program, which holds nothing of ours",
    "/api/3.0/mlflow/server-info": "what a client asks before it logs in: features, no data",
    "/ajax-api/3.0/mlflow/server-info": "the same, for the pages",
}


@pytest.fixture(scope="module")
def routes(stack: NativeStack) -> list[Route]:
    return mlflow_routes(stack.inside("mlflow"), stack.folder)


@pytest.mark.parametrize("login", [None, ("viewer", "wrong")])
def test_every_route_of_mlflow_refuses_who_is_not_known(
    stack: NativeStack, routes: list[Route], login: tuple[str, str] | None
) -> None:
    """Its REST API, artifacts up and down, sign-up, what the pages call, the pages themselves."""
    paths = {route.path for route in routes}
    assert {"/", "/signup", "/graphql", "/api/2.0/mlflow/users/create", *OPEN} <= paths
    assert {"/v1/traces", "/ajax-api/3.0/jobs/", "/api/3.0/mlflow/mcp-servers"} <= paths
    assert len(routes) > 400
    tried = routes if login is None else routes[::40]  # checking a wrong password costs 0.1 s
    with httpx.Client(base_url=stack.inside("worker")["MLFLOW_TRACKING_URI"], auth=login) as server:
        answers = {route: ask(server, route, {}).status_code for route in tried}
    let_in = {route.path for route, status in answers.items() if status != 401}
    assert let_in == {path for path in OPEN if path in {route.path for route in tried}}


def test_who_may_only_look_changes_nothing(stack: NativeStack, routes: list[Route]) -> None:
    """On every route, with the names and numbers of what is there: no row and no byte changes."""
    run = add_a_run(stack)
    there = {"experiment_id": "1", "experiment_ids": ["1"], "max_results": 5, "version": "1"}
    there |= {name: run for name in ("run_id", "run_uuid")}
    there |= {name: "aislewatch" for name in ("name", "experiment_name", "new_name")}
    there |= {"key": "a", "value": "b", "path": "a.txt", "username": "viewer2", "role_id": 1}
    there |= {"password": "a-password-of-20", "is_admin": True, "permission": "MANAGE"}
    there |= {"artifact_path": f"1/{run}/artifacts/a.txt"}
    before = mlflow_holds(stack)
    viewer = ("viewer", stack.secret("mlflow_viewer_password"))
    base = stack.inside("worker")["MLFLOW_TRACKING_URI"]
    with httpx.Client(base_url=base, auth=viewer, timeout=60) as server:
        answers = {route: ask(server, route, there) for route in routes}
    assert mlflow_holds(stack) == before
    assert answers[Route("/api/2.0/mlflow/runs/get", "GET")].status_code == 200
    writes = [answer for route, answer in answers.items() if route.method != "GET"]
    assert sum(answer.status_code == 403 for answer in writes) > len(writes) / 2


def test_storage_refuses_strangers_and_the_login_of_the_other(stack: NativeStack) -> None:
    """MLflow's artifacts lie on it; clients reach them by MLflow's accounts alone."""
    run = add_a_run(stack)
    assert b"ours" in [
        file.read_bytes() for file in stack.volume("storage-models").rglob(f"{run}/artifacts/a.txt")
    ]
    env = stack.inside("worker")
    models = stack.inside("mlflow")["AWS_ENDPOINT_URL"]
    assert httpx.get(f"{models}/models?list-type=2").status_code == 403
    login = {name: env[f"AWS_{name.upper()}"] for name in ("access_key_id", "secret_access_key")}
    keys = {f"aws_{name}": value for name, value in login.items()}
    other = boto3.client("s3", endpoint_url=models, region_name="us-east-1", **keys)
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
        other.list_objects_v2(Bucket="models")
    viewer = ("viewer", stack.secret("mlflow_viewer_password"))
    place = f"{env['MLFLOW_TRACKING_URI']}{MLFLOW_ARTIFACTS}/1/{run}/artifacts/a.txt"
    assert httpx.get(place).status_code == 401
    assert httpx.put(place, content=b"theirs", auth=viewer).status_code == 403
    assert httpx.delete(place, auth=viewer).status_code == 403


def test_dvc_pushes_to_the_storage_unless_the_project_has_a_remote(
    stack: NativeStack, tmp_path: Path
) -> None:
    """By the one-shot service, said twice; what is pushed comes back to an empty clone."""
    env = stack.inside("worker")
    for name in ("shop", "other"):
        shop = make_diamond(tmp_path / name)
        if name == "other":
            dvc_here(shop, env, "remote", "add", "--default", "own", str(tmp_path / "own"))
        said = [stack.finish("bucket-data", shop) for _ in range(2)]
        assert ("DVC pushes to s3://data/dvc" in said[0]) == (name == "shop")
        assert "DVC pushes" not in said[1]
    shop = tmp_path / "shop"
    dvc_here(shop, env, "add", "--quiet", "in.txt")
    dvc_here(shop, env, "push", "--quiet")
    (shop / "in.txt").unlink()
    shutil.rmtree(shop / ".dvc/cache")
    dvc_here(shop, env, "pull", "--quiet", "in.txt.dvc")
    assert (shop / "in.txt").read_text() == "footage\n"
    assert "storage" not in (shop / ".dvc/config").read_text()


def test_a_refused_login_names_the_two_variables_and_no_password(
    stack: NativeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = urlsplit(stack.inside("worker")["MLFLOW_TRACKING_URI"])
    secret = "not-the-password"
    for login, words in (("", "asks for a login"), (f"me:{secret}@", "refuses the login as me")):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{login}{address.netloc}")
        with pytest.raises(RegistryError, match=words) as refused:
            connect()
        said = str(refused.value)
        assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in said
        assert address.netloc in said
        assert secret not in said


def test_a_study_is_kept_on_the_server(stack: NativeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the way in which the worker finds it: its address holds no password."""
    env = stack.inside("worker")
    monkeypatch.setenv("PGPASSWORD", env["PGPASSWORD"])
    assert not make_url(env["OPTUNA_STORAGE"]).password
    storage = open_storage(env["OPTUNA_STORAGE"], heartbeat_s=60, grace_s=120)
    assert join_study(storage, "tune-x").study_name == "tune-x"
    # Later a backup is restored, which wants nobody to use the databases.
    storage.remove_session()
    storage.engine.dispose()


def test_what_is_destroyed_comes_back_from_the_backup(
    stack: NativeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's databases and artifacts, and the desk's database and evidence, byte by byte.

    The champion is the version that it was, and scores as it did.
    """
    for name, value in stack.inside("worker").items():
        if name.startswith("MLFLOW_TRACKING"):
            monkeypatch.setenv(name, value)
    # Ours give a server 7 s; its first answer imports for longer on a loaded machine.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    monkeypatch.chdir(tmp_path)
    network = save_network(tmp_path / "network", load_params(ROOT / "params.yaml"), 1, 0.5)
    register_champion(network)
    score, digest = score_of(network), sha256_tree(network)
    files = {one.name: one.read_bytes() for one in network.iterdir()}
    live = stack.folder / "project" / "live"
    (live / "alerts" / "a1").mkdir(parents=True)
    (live / "alerts" / "a1" / "film.mp4").write_bytes(b"evidence")
    with closing(sqlite3.connect(live / "desk.sqlite3")) as desk:
        desk.execute("CREATE TABLE verdicts AS SELECT 'theft' AS said")
        desk.commit()
    add_a_run(stack)
    before = mlflow_holds(stack)
    backup = Path(stack.finish("backup", stack.folder).splitlines()[-1])
    assert "in use" in stack.finish("restore", stack.folder, fails=True)
    stack.stop("mlflow", "prefect", "storage-models")
    shutil.rmtree(live)
    for entry in stack.volume("storage-models").iterdir():
        shutil.rmtree(entry)
    with closing(connected(stack, "mlflow")) as database, database.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        database.commit()
    whole = (backup / "mlflow.dump").read_bytes()
    (backup / "mlflow.dump").write_bytes(whole[:-1])
    said = stack.finish("restore", stack.folder, fails=True)
    assert "not as written: ['mlflow.dump']" in said
    (backup / "mlflow.dump").write_bytes(whole)
    stack.finish("restore", stack.folder)
    assert mlflow_holds(stack) == before
    assert (live / "alerts" / "a1" / "film.mp4").read_bytes() == b"evidence"
    with closing(sqlite3.connect(live / "desk.sqlite3")) as desk:
        assert desk.execute("SELECT said FROM verdicts").fetchall() == [("theft",)]
    stack.start("storage-models", "mlflow", "prefect")
    with champion("aislewatch") as (version, own):
        assert version.digest == digest
        assert {one.name: (own / one.name).read_bytes() for one in network.iterdir()} == files
        assert score_of(own) == score
    run = add_a_run(stack)
    address = (
        f"{stack.inside('worker')['MLFLOW_TRACKING_URI']}{MLFLOW_ARTIFACTS}/1/{run}/artifacts/a.txt"
    )
    pipeline = ("pipeline", stack.secret("mlflow_pipeline_password"))
    assert httpx.get(address, auth=pipeline).content == b"ours"


def score_of(folder: Path) -> float:
    """Return what a network says of one clip."""
    model = load_model(folder)
    rows = (1, model.config.n_frames, model.config.frame_size * 3 // 2, model.config.frame_size)
    clip_yuv = torch.arange(math.prod(rows), dtype=torch.int64).remainder(251).reshape(rows)
    with torch.no_grad():
        return float(model(clip_yuv.to(torch.uint8)))


def test_what_was_deleted_long_ago_is_deleted_for_good(stack: NativeStack) -> None:
    """Its bytes too; not what was deleted lately, nor of what a registered version is made."""
    old, new, registered = (add_a_run(stack) for _ in range(3))
    login = ("pipeline", stack.secret("mlflow_pipeline_password"))
    base = stack.inside("worker")["MLFLOW_TRACKING_URI"]
    with httpx.Client(base_url=f"{base}/api/2.0/mlflow/", auth=login, timeout=60) as it:
        place = f"mlflow-artifacts:/1/{registered}/artifacts"
        version = {"name": "aislewatch", "source": place, "run_id": registered}
        it.post("model-versions/create", json=version).raise_for_status()
        for run in (old, new, registered):
            it.post("runs/delete", json={"run_id": run}).raise_for_status()
    with closing(connected(stack, "mlflow")) as database, database.cursor() as cursor:
        long_ago = "UPDATE runs SET deleted_time = 0 WHERE run_uuid IN %s"
        cursor.execute(long_ago, ((old, registered),))
        database.commit()
    before = mlflow_holds(stack)
    assert "1 runs are deleted" in stack.finish("retention", stack.folder)
    after = mlflow_holds(stack)
    freed = {name: held for name, held in before.items() if name not in after}
    objects = stack.volume("storage-models") / "objects"
    assert freed == {str(objects / "models/mlflow/1" / old / "artifacts/a.txt"): b"ours"}
    assert len(after["mlflow.runs"]) == len(before["mlflow.runs"]) - 1


def test_the_accounts_passwords_are_those_of_their_files(stack: NativeStack) -> None:
    """Said twice the service changes nothing but a password whose file holds another one now."""
    file = stack.folder / "run" / "secrets" / "mlflow_viewer_password"
    file.write_text("another-one-from-now-on")
    stack.finish("accounts", ROOT)
    asked = f"{stack.inside('worker')['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/users/current"
    assert httpx.get(asked, auth=("viewer", "another-one-from-now-on")).status_code == 200


@pytest.mark.parametrize(
    ("role", "other"), [("mlflow", "prefect"), ("prefect", "optuna"), ("optuna", "mlflow")]
)
def test_a_role_reaches_its_own_database_only(stack: NativeStack, role: str, other: str) -> None:
    password = stack.secret(f"{role}_db_password")
    place = f"host=127.0.0.1 port={stack.ports['5432']} user={role} password={password}"
    psycopg2.connect(f"{place} dbname={role}").close()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(f"{place} dbname={other}")

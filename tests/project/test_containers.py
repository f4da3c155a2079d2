"""docker/: the files keep their promises, and their servers carry a flow."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest
from mlflow.tracking import MlflowClient

import aislewatch
from tests.code_closure import ROOT
from tests.native_stack import COMPOSE, SECRETS, NativeStack, native_stack, read_compose
from tests.projects import set_params

SERVICES = sorted(read_compose(SECRETS))


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, ROOT / "docker" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_do_little_and_is_pinned(service: str) -> None:
    facts = read_compose(SECRETS)[service]
    assert facts["read_only"] is True
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in facts.get("ports", []))
    tag = facts["image"].split(":")[1]
    assert re.match(r"\d+\.\d+", tag)
    if "build" in facts:
        assert tag == aislewatch.__version__


def test_every_service_but_the_one_that_ends_is_health_checked() -> None:
    services = read_compose(SECRETS)
    checked = {name for name, facts in services.items() if "test" in facts["healthcheck"]}
    assert set(SERVICES) - checked == {"deploy"}
    for facts in services.values():
        for needed, how in facts.get("depends_on", {}).items():
            ends = needed not in checked
            assert how["condition"] == (
                "service_completed_successfully" if ends else "service_healthy"
            )


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_no_secret_has_a_default(secret: str) -> None:
    with pytest.raises(KeyError, match=secret):
        read_compose({name: value for name, value in SECRETS.items() if name != secret})
    assert f"{secret}:-" not in COMPOSE.read_text()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeStack]:
    with native_stack(tmp_path_factory.mktemp("stack")) as servers:
        yield servers


def test_the_demos_flow_ends_in_a_registered_model_on_the_servers(
    stack: NativeStack, project: Path
) -> None:
    """Its data and networks are there; the servers know nothing of it yet."""
    folder = project
    (folder / "mlflow.db").unlink()
    shutil.rmtree(folder / "mlartifacts")
    shutil.rmtree(folder / ".aislewatch/runs")
    set_params(folder, {"evaluate": {"confidence": 0.9}})
    env = stack.environment("worker")
    subprocess.run([sys.executable, "-m", "flows.pipeline"], cwd=folder, env=env, check=True)
    command = ["prefect", "api", "POST", "/flow_runs/filter"]
    shown = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert [run["state_type"] for run in json.loads(shown)] == ["COMPLETED"]
    client = MlflowClient(env["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("aislewatch")
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    assert parent.info.artifact_uri.startswith("mlflow-artifacts:")
    champion = client.get_model_version_by_alias("aislewatch", "champion")
    digest = json.loads((folder / "registration.json").read_text())["digest"]
    assert champion.tags["digest"] == digest


def test_the_deployment_gets_there(stack: NativeStack, tmp_path: Path) -> None:
    """The one-shot service's own command, in a project with our prefect.yaml, said twice."""
    (tmp_path / "prefect.yaml").write_bytes((ROOT / "prefect.yaml").read_bytes())
    env = stack.environment("deploy")
    env["PYTHONPATH"] = str(ROOT)
    for _ in range(2):
        command = stack.command("deploy")
        done = subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    assert b"nothing changed" in done.stdout
    command = ["prefect", "deployment", "inspect", "retrain/retrain"]
    shown = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert "0 3 * * *" in shown


def test_strangers_are_refused(stack: NativeStack) -> None:
    env = stack.environment("worker")
    assert httpx.get(f"{env['PREFECT_API_URL']}/admin/settings").status_code == 401
    mlflow = env["MLFLOW_TRACKING_URI"]
    answer = httpx.get(f"{mlflow}/api/2.0/mlflow/experiments/search", headers={"Host": "evil.test"})
    assert answer.status_code == 403


@pytest.mark.parametrize(("role", "other"), [("mlflow", "prefect"), ("prefect", "mlflow")])
def test_a_role_reaches_its_own_database_only(stack: NativeStack, role: str, other: str) -> None:
    password = SECRETS[f"{role.upper()}_DB_PASSWORD"]
    place = f"host=127.0.0.1 port={stack.ports['5432']} user={role} password={password}"
    psycopg2.connect(f"{place} dbname={role}").close()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(f"{place} dbname={other}")

"""docker/: what its files promise, read from them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import aislewatch
from tests.code_closure import ROOT
from tests.native_stack import DOCKER, read_compose

COMPOSE = read_compose()
SERVICES = sorted(COMPOSE["services"])
# Services that end by themselves.
ENDING = {
    *("accounts", "backup", "bucket-data", "bucket-models"),
    *("deploy", "restore", "retention"),
}


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, ROOT / "docker" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_do_little_and_is_pinned(service: str) -> None:
    facts = COMPOSE["services"][service]
    assert facts["read_only"] is True
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]
    assert facts["mem_limit"]
    assert facts["pids_limit"] == 512
    assert all(port.startswith("127.0.0.1:") for port in facts.get("ports", []))
    tag = facts["image"].split(":")[1]
    assert "user" in facts or "build" in facts  # our images name a plain user
    assert re.match(r"\d+\.\d+", tag)
    if "build" in facts:
        assert tag == aislewatch.__version__


def test_images_of_others_are_pinned_by_digest_and_left_by_their_user() -> None:
    """A stage of our file that begins from somebody's image, and that ends as no root."""
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    foreign = [line.split()[1] for line in lines if re.match(r"FROM \S*[:@]", line)]
    assert len(foreign) == 2
    assert all(re.search(r":v?\d[^@]*@sha256:[0-9a-f]{64}$", image) for image in foreign)
    stages = "\n".join(lines).split("\nFROM ")
    ends = {part.splitlines()[0].split()[-1]: part for part in stages}
    targets = {
        facts["build"]["target"] for facts in COMPOSE["services"].values() if "build" in facts
    }
    assert targets == {"pipeline", "servers", "storage"}
    for target in targets:
        assert re.findall(r"^USER (.*)$", ends[target], re.MULTILINE)[-1] == "${UID}"


def test_prefect_keeps_its_leases_forgets_old_runs_and_gives_a_worker_one_at_a_time() -> None:
    prefect = COMPOSE["services"]["prefect"]
    said = prefect["environment"]
    lease_storage = "prefect.server.concurrency.lease_storage.filesystem"
    assert said["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] == lease_storage
    assert f"prefect:{said['PREFECT_HOME']}" in prefect["volumes"], "not on a tmpfs"
    assert "flow_runs" in said["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"].split(",")
    command = COMPOSE["services"]["worker"]["command"]
    assert command[command.index("--limit") + 1] == "1"


def test_with_a_gpu_all_of_the_pipelines_services_are_of_its_image() -> None:
    over = yaml.safe_load((DOCKER / "compose.cuda.yaml").read_text())["services"]
    ours = {
        name
        for name, facts in COMPOSE["services"].items()
        if facts.get("build", {}).get("target") == "pipeline" and "profiles" not in facts
    }
    assert set(over) == ours
    assert {facts["image"].split(":")[1] for facts in over.values()} == {aislewatch.__version__}
    [gpu] = over["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert gpu["capabilities"] == ["gpu"]


def test_mlflow_alone_has_the_login_of_the_models() -> None:
    holders = {
        name
        for name, facts in COMPOSE["services"].items()
        if "storage_models_password" in facts.get("secrets", [])
    }
    assert holders == {"storage-models", "bucket-models", "mlflow"}
    for name, facts in COMPOSE["services"].items():
        stated = facts.get("environment", {})
        login = stated.get("AWS_ACCESS_KEY_ID") or stated.get("ROOT_ACCESS_KEY_ID")
        files = [stated.get(f"{who}_SECRET_ACCESS_KEY_FILE") for who in ("AWS", "ROOT")]
        if login:
            assert f"/run/secrets/storage_{login}_password" in files, name


def test_every_service_but_the_one_that_ends_is_health_checked() -> None:
    services = COMPOSE["services"]
    checked = {name for name, facts in services.items() if "test" in facts["healthcheck"]}
    assert set(SERVICES) - checked == ENDING
    for facts in services.values():
        for needed, how in facts.get("depends_on", {}).items():
            ends = needed not in checked
            assert how["condition"] == (
                "service_completed_successfully" if ends else "service_healthy"
            )


def test_every_secret_is_a_file_that_the_script_makes_once(tmp_path: Path) -> None:
    """Each service is given those that it names; in no environment stands one."""
    shutil.copy(DOCKER / "new_secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", tmp_path / "new_secrets.sh"], check=True)
        made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
        (tmp_path / "secrets" / "prefect_auth").write_text("kept:as-it-is")
    assert made.pop("prefect_auth") == "kept:as-it-is"
    assert len(set(made.values())) == len(made)
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in made.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {*made, "prefect_auth"} == set(COMPOSE["secrets"])
    for facts in COMPOSE["services"].values():
        stated = facts.get("environment", {})
        files = [value for name, value in stated.items() if name.endswith("_FILE")]
        assert {f"/run/secrets/{name}" for name in facts.get("secrets", [])} == set(files)
        assert not [name for name in stated if re.search("PASSWORD$|AUTH_STRING$|KEY$", name)]

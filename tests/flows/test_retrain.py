"""Retraining in a real repository with remotes, on a real Prefect server and MLflow registry."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import Flow, tags
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from aislewatch.register.consent import find_question
from aislewatch.register.versions import CHALLENGER, CHAMPION, Registry
from flows.answers import NOBODY
from flows.deploy import deploy
from flows.footage import LANDED, QUIET_S, Watcher
from flows.promote import promote
from flows.retrain import retrain
from flows.server import connected, deployed_here, scheduled_runs, send_event
from tests.code_closure import ROOT
from tests.flows.shop_night import until
from tests.flows.small_shop import add_video, commit, git, make_shop
from tests.prefect_servers import artifacts, flow_runs, prefect_server
from tests.projects import runs, set_params, wait_until_recorded

TREE = Path(".aislewatch/retrain/tree")


@dataclass
class Shop:
    """The project, the server, and what people were told."""

    folder: Path
    api: str
    told: list[dict[str, str]]

    def act(self, flow: Flow[..., Any], **arguments: Any) -> State[Any]:
        """Run a flow in the project; return how it ended."""
        with chdir(self.folder), tags(flow.name):
            state: State[Any] = flow(**arguments, return_state=True)
        wait_until_recorded(self.folder / TREE)
        return state

    def artifacts(self, name: str) -> dict[str, str]:
        """Return the artifacts of the last run of a flow."""
        runs_of = [run for run in flow_runs(self.api) if run["tags"] == [name]]
        return artifacts(self.api, runs_of[-1]["id"])

    def version(self, alias: str) -> str:
        with chdir(self.folder):
            found = Registry("aislewatch").by_alias(alias)
        return found.version if found else ""

    def branches(self, where: str) -> list[str]:
        place = self.folder.parent / where
        said = git(place, "for-each-ref", "--format=%(refname:short)", "refs/heads/retrain")
        return said.splitlines()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Shop]:
    place = tmp_path_factory.mktemp("retraining")
    told: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with prefect_server(place) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", api)
        patch.setenv("PREFECT_HOME", str(place / "prefect"))
        patch.setenv("PYTHONPATH", os.fspath(ROOT))
        settings = {PREFECT_API_URL: api, PREFECT_HOME: place / "prefect"}
        with temporary_settings(updates=settings):
            CustomWebhookNotificationBlock(
                name="desk",
                url=f"http://127.0.0.1:{hook.server_port}/",
                json_data={"subject": "{{subject}}", "body": "{{body}}"},
            ).save("desk")
            yield Shop(make_shop(place, empty_store), api, told)
    hook.shutdown()


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[SyncPrefectClient]:
    """The shop's deployments are on the server, as `make deploy` brings them."""
    shutil.copy(ROOT / "prefect.yaml", shop.folder)
    commit(shop.folder, "what Prefect runs")
    git(shop.folder, "push", "-q", "origin", "main")
    with chdir(shop.folder), connected() as found:
        deploy(found)
        yield found


def form(shop: Shop, client: SyncPrefectClient) -> DeploymentResponse:
    """Return the deployment whose form a person fills in."""
    with chdir(shop.folder):
        [found] = [one for one in deployed_here(client) if one.name == "promote"]
    return found


def test_people_are_asked_and_their_checkout_is_left_alone(
    shop: Shop, client: SyncPrefectClient
) -> None:
    """While a person is at work in the checkout, and nobody may push."""
    folder, refuses = shop.folder, shop.folder.parent / "hub.git/hooks/pre-receive"
    for hook in (folder / ".git/hooks/pre-commit", refuses):
        hook.write_text("#!/bin/sh\necho this night nobody may push >&2; exit 1\n")
        hook.chmod(0o755)
    set_params(folder, {"seed": 77, "register": {"promotion": "auto"}})
    (folder / "work.py").write_text("raise SystemExit('half an idea')\n")
    (folder / "idea.txt").write_text("mine")
    git(folder, "add", "idea.txt")
    before = git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert "version 1 waits for people until" in str(state.message)
    assert (git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")) == before
    assert (folder / "work.py").read_text() == "raise SystemExit('half an idea')\n"
    assert not (folder / "model.txt").exists()
    assert shop.branches("hub.git") == []
    [branch] = shop.branches("shop")
    assert branch.startswith("retrain/20")
    said = git(folder, "show", "--stat", branch)
    assert "Model-Version: 1 (" in said
    assert "dvc.lock" in said
    assert " 1 file changed" in said
    [run] = [run for run in runs(folder) if "retraining" in run.data.tags]
    assert f"MLflow-Run: {run.info.run_id}" in said
    assert "there is no dvc.lock" in run.data.tags["retraining"]
    assert list((folder.parent / "data remote/files/md5").rglob("??*")), "data went before git"
    [told] = shop.told
    assert "version 1 waits for people" in told["subject"]
    for words in ("as the test has it", "models approve 1", "this night nobody may push"):
        assert words in told["body"]
    assert "| p: better by chance | 0.01 |" in shop.artifacts("retrain")["result"]
    refuses.unlink()
    (folder / ".git/hooks/pre-commit").unlink()
    git(folder, "reset", "-q", "--hard")


def test_their_answer_is_given_in_prefect(shop: Shop, client: SyncPrefectClient) -> None:
    """The form is filled in with what waits; what is stale is refused."""
    with chdir(shop.folder):
        version = Registry("aislewatch").get("1")
        question = find_question(Registry("aislewatch"))
    assert question is not None
    filled = {"version": "1", "sha256": version.digest, "until": question.until.isoformat()}
    assert form(shop, client).parameters == filled
    assert form(shop, client).description == f"Version 1 waits until {filled['until']}."
    text = (shop.folder / "prefect.yaml").read_text()
    (shop.folder / "prefect.yaml").write_text(text.replace("A person approves", "Someone approves"))
    with chdir(shop.folder):
        assert deploy(client) == ["deployed promote"]
    git(shop.folder, "checkout", "-q", "prefect.yaml")
    assert form(shop, client).parameters == filled, "deploying again keeps the form"
    # As the page asks for the run: a person adds who and why.
    asked = client.create_flow_run_from_deployment(
        form(shop, client).id, parameters={"who": "Ann", "why": "watched it"}
    )
    answer = client.read_flow_run(asked.id).parameters
    client.delete_flow_run(asked.id)

    refused = shop.act(promote, **answer | {"sha256": "0" * 64})
    assert "look again at what you approve" in str(refused.message)
    refused = shop.act(promote, **answer | {"until": "2020-01-01T00:00:00+00:00"})
    assert "open the form again" in str(refused.message)
    assert shop.version(CHAMPION) == ""
    assert shop.act(promote, **answer).is_completed()
    assert shop.version(CHAMPION) == "1"
    late = shop.act(promote, **answer, answer="decline")
    assert "does not wait for an answer: it is approved since" in str(late.message)
    assert form(shop, client).parameters == {}
    assert form(shop, client).description == NOBODY


def test_nothing_new_is_declined_at_once_and_leaves_no_run(shop: Shop) -> None:
    """Its own commit is no news, nor a touched file, nor a knob that no stage declares."""
    had = len(runs(shop.folder))
    os.utime(shop.folder / "data/raw/shop/first.mp4")
    set_params(shop.folder, {"machine": {"threads": 1}})
    commit(shop.folder, "one thread")
    git(shop.folder, "push", "-q", "origin", "main")
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert str(state.message).startswith("declined in ")
    # 8.4 s were seen on two cores at load 22, with a project of 40 videos.
    assert float(str(state.message).split()[2]) < 40
    assert "footage, labels, verdicts, parameters and code are as they" in str(
        shop.artifacts("retrain")["decision"]
    )
    assert len(runs(shop.folder)) == had
    assert len(shop.told) == 1
    assert shop.branches("hub.git") == shop.branches("shop"), "what was refused is pushed now"


def test_a_worse_challenger_stays_one(shop: Shop) -> None:
    add_video(shop.folder, "worse")
    state = shop.act(retrain)
    assert state.message == "version 2 stays challenger (champion: version 1)"
    assert (shop.version(CHAMPION), shop.version(CHALLENGER)) == ("1", "2")
    assert "new videos: 1 (shop/worse.mp4)" in shop.artifacts("retrain")["decision"]
    assert len(shop.branches("hub.git")) == 2


def test_a_failed_stage_leaves_the_champion_serving(shop: Shop) -> None:
    before = shop.version(CHAMPION), shop.branches("shop")
    assert before[0] == "1"
    add_video(shop.folder, "broken")
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert state.is_failed()
    assert "broken.mp4 cannot be decoded" in str(state.message)
    assert (shop.version(CHAMPION), shop.branches("shop")) == before
    assert shop.told[-1]["subject"] == "Retraining failed; the champion serves on"
    (shop.folder / "data/raw/shop/broken.mp4").rename(shop.folder / "data/raw/shop/mended.mp4")
    (shop.folder / "data/raw/shop/mended.mp4").write_text("killed")
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert state.is_crashed()
    assert "train was killed by SIGKILL" in str(state.message)
    assert (shop.version(CHAMPION), shop.branches("shop")) == before
    assert shop.told[-1]["subject"] == "Retraining crashed; the champion serves on"
    (shop.folder / "data/raw/shop/mended.mp4").unlink()


def test_footage_that_landed_is_announced_once_and_starts_a_retraining(
    shop: Shop, client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the project in which it landed, and of no other on the server."""
    monkeypatch.chdir(tmp_path)
    add_video(tmp_path, "first")
    with connected() as mine:
        watcher = Watcher()
        assert not any(watcher.look(mine, now_s) for now_s in (0, 1000)), "what is there is known"
        add_video(tmp_path, "second")
        assert not watcher.look(mine, 2000), "it may still be written"
        add_video(tmp_path, "third")
        assert not watcher.look(mine, 2000 + QUIET_S)
        assert watcher.look(mine, 2000 + 2 * QUIET_S)
        assert not watcher.look(mine, 9000)
        # Started again, it knows; and a server that is away loses nothing.
        add_video(tmp_path, "fourth")
        again = Watcher()
        again.look(mine, 0)
    with SyncPrefectClient("http://127.0.0.1:9/api") as away, pytest.raises(httpx.HTTPError):
        again.look(away, QUIET_S)
    with connected() as mine:
        assert again.look(mine, QUIET_S + 60)
    until(lambda: announced(shop) == 2, 60, lambda: announced(shop))  # written in batches
    monkeypatch.chdir(shop.folder)
    send_event(client, LANDED, {"videos": "1"})
    [night] = [one for one in deployed_here(client) if one.name == "retrain"]

    def started() -> list[FlowRun]:
        runs_of = scheduled_runs(client, [night.id])
        return [run for run in runs_of if not run.auto_scheduled]

    until(lambda: len(started()) > 0, 60, lambda: client.read_flow_runs())
    assert len(started()) == 1


def announced(shop: Shop) -> int:
    query = {"filter": {"event": {"name": [LANDED]}}}
    return int(httpx.post(f"{shop.api}/events/filter", json=query).json()["total"])

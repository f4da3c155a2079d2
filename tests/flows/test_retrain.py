"""Retraining in a real repository with remotes, on a real Prefect server and MLflow registry."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from aislewatch.register.versions import CHALLENGER, CHAMPION, Registry
from flows.promote import promote
from flows.retrain import retrain
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

    def act(self, flow: Callable[..., Any], **arguments: Any) -> State[Any]:
        """Run a flow in the project; return how it ended."""
        with chdir(self.folder):
            state: State[Any] = flow(**arguments, return_state=True)
        wait_until_recorded(self.folder / TREE)
        return state

    def artifacts(self, name: str) -> dict[str, str]:
        """Return the artifacts of the last run of a flow."""
        last = [run for run in flow_runs(self.api) if run["name"] == name][-1]
        return artifacts(self.api, last["id"])

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
        settings = {PREFECT_API_URL: api, PREFECT_HOME: place / "prefect"}
        with temporary_settings(updates=settings):
            CustomWebhookNotificationBlock(
                name="desk",
                url=f"http://127.0.0.1:{hook.server_port}/",
                json_data={"subject": "{{subject}}", "body": "{{body}}"},
            ).save("desk")
            yield Shop(make_shop(place, empty_store), api, told)
    hook.shutdown()


def test_the_first_training_is_promoted_pushed_and_told(shop: Shop) -> None:
    folder = shop.folder
    # A person is at work in the checkout, with a hook that refuses every commit.
    (folder / ".git/hooks/pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (folder / ".git/hooks/pre-commit").chmod(0o755)
    set_params(folder, {"seed": 77})
    (folder / "work.py").write_text("raise SystemExit('half an idea')\n")
    (folder / "idea.txt").write_text("mine")
    git(folder, "add", "idea.txt")
    before = git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert state.message == "version 1 is champion now (before: none)"
    assert (git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")) == before
    assert (folder / "work.py").read_text() == "raise SystemExit('half an idea')\n"
    assert not (folder / "model.txt").exists()
    [branch] = shop.branches("shop")
    assert branch.startswith("retrain/20")
    assert shop.branches("hub.git") == [branch]
    said = git(folder, "show", "--stat", branch)
    assert "Model-Version: 1 (" in said
    assert "dvc.lock" in said
    assert " 1 file changed" in said
    [run] = [run for run in runs(folder) if "retraining" in run.data.tags]
    assert f"MLflow-Run: {run.info.run_id}" in said
    assert "there is no dvc.lock" in run.data.tags["retraining"]
    assert list((folder.parent / "data remote/files/md5").rglob("??*")), "data went before git"
    [told] = shop.told
    assert told["subject"] == "Retraining: version 1 is champion now (before: none)"
    assert "as the test has it" in told["body"]
    git(folder, "checkout", "-q", "--force", "main")
    git(folder, "reset", "-q", "--hard")


def test_nothing_new_is_declined_at_once_and_leaves_no_run(shop: Shop) -> None:
    """Its own commit is no news, nor is a file that was touched or a knob that no stage declares."""
    had = len(runs(shop.folder))
    os.utime(shop.folder / "data/raw/shop/first.mp4")
    set_params(shop.folder, {"machine": {"threads": 1}})
    commit_and_push(shop)
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert state.message is not None
    assert state.message.startswith("declined in ")
    seconds = float(state.message.split()[2])
    assert seconds < 60, "10 s on a quiet machine"
    print(f"declined in {seconds} s")
    assert len(runs(shop.folder)) == had
    assert len(shop.told) == 1
    assert len(shop.branches("shop")) == 1


def test_a_worse_challenger_stays_one_and_a_refused_push_loses_nothing(shop: Shop) -> None:
    folder = shop.folder
    add_video(folder, "worse")
    refuses = folder.parent / "hub.git/hooks/pre-receive"
    refuses.write_text("#!/bin/sh\necho this night nobody may push; exit 1\n")
    refuses.chmod(0o755)
    state = shop.act(retrain)
    assert state.message == "version 2 stays challenger (champion: version 1)"
    assert (shop.version(CHAMPION), shop.version(CHALLENGER)) == ("1", "2")
    assert len(shop.branches("shop")) == 2
    assert len(shop.branches("hub.git")) == 1
    # The night after has nothing new, and pushes what is left.
    refuses.unlink()
    assert "declined" in str(shop.act(retrain).message)
    assert len(shop.branches("hub.git")) == 2


def test_a_failed_stage_leaves_the_champion_serving(shop: Shop) -> None:
    add_video(shop.folder, "broken")
    state = shop.act(retrain, notify="custom-webhook/desk")
    assert state.is_failed()
    assert "broken.mp4 cannot be decoded" in str(state.message)
    assert shop.version(CHAMPION) == "1"
    assert len(shop.branches("shop")) == 2
    assert shop.told[-1]["subject"] == "Retraining failed; the champion serves on"
    (shop.folder / "data/raw/shop/broken.mp4").unlink()


def test_people_are_asked_and_answer_in_prefect(shop: Shop) -> None:
    set_params(shop.folder, {"register": {"promotion": "ask"}})
    commit_and_push(shop)
    (shop.folder / "data/raw/shop/worse.mp4").unlink()
    add_video(shop.folder, "second")
    state = shop.act(retrain)
    assert "version 3 waits for people until" in str(state.message)
    with chdir(shop.folder):
        version = Registry("aislewatch").get("3")
    answer = {"version": "3", "who": "Ann", "why": "watched it"}
    refused = shop.act(promote, **answer, sha256="0" * 64)
    assert "look again at what you approve" in str(refused.message)
    assert shop.version(CHAMPION) == "1"
    assert shop.act(promote, **answer, sha256=version.digest).is_completed()
    assert shop.version(CHAMPION) == "3"
    late = shop.act(promote, **answer, sha256=version.digest, answer="decline")
    assert "does not wait for an answer: it is approved since" in str(late.message)


def commit_and_push(shop: Shop) -> None:
    (shop.folder / ".git/hooks/pre-commit").unlink(missing_ok=True)
    commit(shop.folder, "a change")
    git(shop.folder, "push", "-q", "origin", "main")

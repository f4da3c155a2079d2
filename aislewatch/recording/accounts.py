"""``python -m aislewatch.recording.accounts``: make the MLflow server's two accounts.

``pipeline`` is who stages and flows log in as: it may do all with experiments, runs and models.
``viewer`` is for people who look: it reads all of these, and changes and makes nothing.
Neither may touch users. Only MLflow's administrator can run this, by ``MLFLOW_TRACKING_USERNAME``
and ``MLFLOW_TRACKING_PASSWORD``; said again it changes nothing but a password that is another now.
"""

import os
from typing import Any

import httpx

from aislewatch.errors import RegistryError
from aislewatch.exits import plain_errors
from aislewatch.recording.address import LOGIN, check_store, refusal, shown_uri, tracking_uri

# What the accounts are granted on: of runs, versions and artifacts MLflow asks these.
KINDS = ("experiment", "registered_model")
# Seconds for an answer: a server that has just started compiles its first.
ANSWER_S = 30.0

_USERS = "/api/2.0/mlflow/users"
_GRANT = "/api/3.0/mlflow/users/permissions/grant"


def main() -> None:
    """Make both accounts, with the passwords that the environment gives them."""
    check_store()
    name, password = (os.environ.get(variable, "") for variable in LOGIN)
    with httpx.Client(base_url=tracking_uri(), auth=(name, password), timeout=ANSWER_S) as server:
        for user, permission in (("pipeline", "MANAGE"), ("viewer", "READ")):
            _make(server, user, permission)
    print(f"MLflow at {shown_uri()} has the accounts pipeline and viewer")


def _make(server: httpx.Client, user: str, permission: str) -> None:
    variable = f"MLFLOW_{user.upper()}_PASSWORD"
    password = os.environ.get(variable)
    if not password:
        raise RegistryError(f"{variable} is not set: give the account {user} its password by it")
    login = {"username": user, "password": password}
    if not _told(server, "POST", f"{_USERS}/create", login):
        _told(server, "PATCH", f"{_USERS}/update-password", login)
    for kind in KINDS:
        grant = {"resource_type": kind, "resource_id": "*", "permission": permission}
        _told(server, "POST", _GRANT, grant | {"username": user})


def _told(server: httpx.Client, method: str, path: str, content: dict[str, Any]) -> bool:
    """Tell the server something; return False where it has it already."""
    try:
        answer = server.request(method, path, json=content)
    except httpx.HTTPError as error:
        raise refusal(error) from error
    exists = answer.status_code == 400 and "RESOURCE_ALREADY_EXISTS" in answer.text
    if answer.is_success or exists:
        return not exists
    raise refusal(RuntimeError(f"failed with error code {answer.status_code}: {answer.text}"))


if __name__ == "__main__":
    with plain_errors("accounts"):
        main()

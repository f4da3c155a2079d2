"""Every route of MLflow's server and Prefect's, asked of themselves, and what to send to each."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import httpx

# Run where the server's own environment is: what its commands would serve, route by route.
_LIST = """
import json
from mlflow.server import app
from mlflow.server.auth import create_app
served = create_app()
found = {(str(rule), method) for rule in app.url_map.iter_rules() for method in rule.methods}
for included in served.routes[:-1]:
    prefix = included.include_context.prefix
    found |= {(prefix + r.path, how) for r in included.original_router.routes for how in r.methods}
# All but the last are FastAPI's own, and the last holds Flask's: an error tells if that changes.
assert type(served.routes[-1]).__name__ == "Mount", served.routes
# What answers GET answers these by itself, past the same check.
print(json.dumps(sorted(route for route in found if route[1] not in ("HEAD", "OPTIONS"))))
"""

_PREFECTS = """
import json
from prefect.server.api.server import create_api_app
paths = create_api_app().openapi()["paths"]
print(json.dumps([(path, method.upper()) for path, methods in paths.items() for method in methods]))
"""

_PARAMETER = re.compile(r"[<{](?:\w+:)?(\w+)(?::\w+)?[>}]")


class Route(NamedTuple):
    """A path, with its parameters' places, and a method."""

    path: str
    method: str


def mlflow_routes(env: dict[str, str], folder: Path) -> list[Route]:
    """List what the server serves that has this environment."""
    done = subprocess.run(
        [sys.executable, "-c", _LIST],
        env=env | {"_MLFLOW_SGI_NAME": "uvicorn"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Route(*route) for route in json.loads(done.stdout.splitlines()[-1])]


def prefect_routes(env: dict[str, str], folder: Path) -> list[Route]:
    """List what a Prefect server serves below ``/api``."""
    done = subprocess.run(
        [sys.executable, "-c", _PREFECTS], env=env, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [Route(*route) for route in json.loads(done.stdout.splitlines()[-1])]


def ask(server: httpx.Client, route: Route, values: dict[str, Any]) -> httpx.Response:
    """Send a request that says all of these values, in the ways in which MLflow reads them."""
    path = _PARAMETER.sub(lambda found: str(values.get(found[1], "1")), route.path)
    if route.method == "GET":
        return server.request("GET", path, params=values)
    return server.request(route.method, path, json=values)

"""Lets whom MLflow knows in to its server, but not to what MLflow leaves open to every account."""

from flask import Response, make_response, request
from mlflow.server.auth import authenticate_request_basic_auth
from werkzeug.datastructures import Authorization

# Nobody here uses these. MLflow 3.17 lets every account, however little it may do, have the demo's
# experiments written and make gateways and MCP servers; the gateway's pages ask the internet, and
# the assistant starts programs.
CLOSED = ("/mlflow/demo/", "/gateway/", "/gateway-proxy", "/mcp-servers", "/assistant/")
# Every account may make these as well, unless it is denied to see any.
MADE = ("/experiments/create", "/registered-models/create")
MAKERS = ("admin", "pipeline")


def authenticate() -> Authorization | Response:
    """Return who asks, or the answer that refuses; called by MLflow for each route with a login."""
    who = authenticate_request_basic_auth()
    if isinstance(who, Authorization):
        makes = request.path.endswith(MADE) and who.username not in MAKERS
        if makes or any(part in request.path for part in CLOSED):
            return make_response("Permission denied", 403)
    return who

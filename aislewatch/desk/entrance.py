"""The desk's login and logout."""

from starlette.responses import RedirectResponse, Response

from aislewatch.desk import people
from aislewatch.desk.guarding import COOKIE, Asked, Page


def show_login(asked: Asked) -> Response:
    """Show the form."""
    return asked.draw(
        "login.html.j2", next=_inside(asked.request.query_params.get("next", "")), failed=""
    )


def log_in(asked: Asked) -> Response:
    """Open a session for who knows the password; make who failed too often wait."""
    name, address = asked.form.get("name", ""), _address(asked)
    with asked.desk.database.reading() as connection:
        limited = people.is_limited(connection, name, address, asked.desk.now())
    if limited:
        minutes = people.FAILURES_S // 60
        return _again(asked, f"Too many failed logins; wait {minutes} minutes.", 429)
    with asked.desk.database.reading() as connection:
        right = people.is_right(connection, name, asked.form.get("password", ""))
    with asked.desk.database.changing() as connection:
        if not right:
            people.count_failure(connection, name, address, asked.desk.now())
            token = ""
        else:
            token = people.open_session(connection, name, asked.desk.now())
    if not token:
        return _again(asked, "No user has this name and password.", 403)
    answer = RedirectResponse(_inside(asked.form.get("next", "")), 303)
    # Lax: a link in a notification opens the page; the forgery token guards the forms.
    secure = asked.request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, people.SESSION_S, httponly=True, secure=secure, samesite="lax")
    return answer


def log_out(asked: Asked) -> Response:
    """End the session."""
    token = asked.request.cookies.get(COOKIE, "")
    with asked.desk.database.changing() as connection:
        people.close_session(connection, token, asked.who.name, asked.desk.now())
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


def _again(asked: Asked, failed: str, status: int) -> Response:
    return asked.draw(
        "login.html.j2", status, next=_inside(asked.form.get("next", "")), failed=failed
    )


def _inside(path: str) -> str:
    """Return a path of the desk; its first page in place of any other address."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path.isprintable() else "/"


def _address(asked: Asked) -> str:
    client = asked.request.client
    return client.host if client else "unknown"


PAGES = [
    Page("GET", "/login", None, show_login),
    Page("POST", "/login", None, log_in),
    Page("POST", "/logout", "guard", log_out),
]

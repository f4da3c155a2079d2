"""compose.yaml's S3 servers without their image: moto's, with what versitygw promises of its own.

``ROOT_ACCESS_KEY_ID=... python -m tests.s3_storage PORT FOLDER``: only requests that name this
login are answered (moto itself answers anybody; nobody checks signatures here), and each object is
also a file, ``FOLDER/BUCKET/KEY``, from which a server that is started again goes on.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

ACCOUNT, PARTITION = "123456789012", "aws"


class Storage:
    """Answers requests as a WSGI application."""

    def __init__(self, login: str, folder: Path) -> None:
        self.login, self.folder = login, folder
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.s3 = s3_backends[ACCOUNT][PARTITION]
        for bucket in folder.iterdir():
            self.s3.create_bucket(bucket.name, "us-east-1")
            for file in (file for file in bucket.rglob("*") if file.is_file()):
                self.s3.put_object(bucket.name, str(file.relative_to(bucket)), file.read_bytes())
        self.etags = dict(self._etags())

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request; what it changed is on disk before the answer is."""
        if environ["PATH_INFO"] == "/health":
            start("200 OK", [])
            return [b"OK"]
        if f"Credential={self.login}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        answer = list(self.moto(environ, start))
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            self._write()
        return answer

    def _etags(self) -> Iterator[tuple[tuple[str, str], str]]:
        for name, bucket in list(self.s3.buckets.items()):
            (self.folder / name).mkdir(exist_ok=True)
            for key in list(bucket.keys.values()):
                yield (name, key.name), key.etag

    def _write(self) -> None:
        now = dict(self._etags())
        for (bucket, name), etag in now.items():
            if self.etags.get((bucket, name)) != etag:
                file = self.folder / bucket / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self.s3.get_object(bucket, name).value)
        for bucket, name in self.etags.keys() - now.keys():
            (self.folder / bucket / name).unlink()
        self.etags = now


def main() -> None:
    """Serve until SIGTERM."""
    port, folder = sys.argv[1:]
    storage = Storage(os.environ["ROOT_ACCESS_KEY_ID"], Path(folder))
    run_simple("127.0.0.1", int(port), storage)


if __name__ == "__main__":
    main()

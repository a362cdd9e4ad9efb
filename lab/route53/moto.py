"""moto's server as a process of its own: the Route 53 and STS of tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .. import servers
from ..errors import LabError

#: moto's account, unless a role of another one is assumed.
ACCOUNT = "123456789012"
#: What a client needs beside the URL; moto takes any key.
CREDENTIALS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "lab", "region_name": "us-east-1"}
_ROOT = Path(__file__).resolve().parents[2]


class Moto:
    """One server; started by ``with`` or ``start``.

    It is as strict as Route 53 about what exists, see ``runner.py``. What AWS does beyond that (limits, rates, changes
    that are pending) is the ``Proxy``'s.

    :param python: interpreter that has moto; this one by default.
    :ivar url: the endpoint of every service.
    """

    def __init__(self, port: int = 0, address: str = servers.LOOPBACK, python: str = sys.executable) -> None:
        self.address = address
        self.port = port or servers.free_port(address)
        self.url = f"http://{address}:{self.port}"
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Moto:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers.

        :raises LabError: it ended, or does not answer within 30 seconds.
        """
        argv = [self._python, "-m", "lab.route53.runner", self.address, str(self.port)]
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=_ROOT)
            if not servers.comes_up(self._process, self._answers):
                self.stop()
                log.seek(0)
                raise LabError(f"moto does not run: {log.read()[-2000:].decode(errors='replace')}")

    def stop(self) -> None:
        """End the process, and wait until it is gone."""
        servers.end(self._process)
        self._process = None

    def reset(self) -> None:
        """Forget all zones."""
        self._post("/moto-api/reset")

    def zone(self, name: str, private: bool = False, records: int = 0, account: str = ACCOUNT) -> str:
        """Make a hosted zone. :param records: how many A records ``pc00000.ZONE``… it holds. :returns: its id."""
        query = urlencode({"name": name, "private": int(private), "records": records, "account": account})
        made: str = json.loads(self._post(f"/lab/zone?{query}"))
        return made

    def client(self, **options: Any) -> Any:
        """Return a boto3 client of its Route 53 that tries once; for edits by somebody else."""
        return client(self.url, **options)

    def _post(self, path: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(self.url + path, b"")) as answer:  # noqa: S310
            body: bytes = answer.read()
            return body

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=2):  # noqa: S310
                return True
        except (OSError, urllib.error.URLError):
            return False


def client(url: str, **options: Any) -> Any:
    """Return a plain boto3 client of a Route 53 at a URL; it tries each request once."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
    return boto3.client("route53", endpoint_url=url, config=config, **{**CREDENTIALS, **options})

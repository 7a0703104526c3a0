"""Starts the real server and speaks to it, with the library and with bare HTTP.

AIRLOCK_BIN names the binary; without it the one of the `ci` profile is taken. One server serves all modules of a run: tests
keep apart by a service of their own.
"""

import atexit
import base64
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

# What would bend the library's requests: both rewrite the host (sync-rest, 2), the proxy takes them elsewhere.
for name in ("TWILIO_REGION", "TWILIO_EDGE"):
    os.environ.pop(name, None)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: E402
from twilio.rest import Client  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("AIRLOCK_BIN") or ROOT / "target/ci/airlock").resolve()
LONG = os.environ.get("AIRLOCK_LONG") == "1"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SID = {kind: re.compile(kind + "[0-9a-f]{32}") for kind in ("IS", "ET", "ES", "MP", "TO", "TZ")}
KIB_16 = 16 * 1024


def segment(text):
    """A text as one segment of a path."""
    return quote(str(text), safe="")


def sized(size, letter="x"):
    """Data whose compact JSON has this many bytes."""
    return {"a": letter * ((size - len('{"a":""}')) // len(letter.encode()))}


class Answer:
    """An answer as it stood on the wire."""

    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def body(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.status} {self.text[:400]}"


class Airlock:
    """A server on a free port with an empty store and the sample policies."""

    def __init__(self, *args):
        self.args = args
        self.folder = Path(tempfile.mkdtemp(prefix="airlock-rest-"))
        self.account, self.token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
        self.key, self.secret = "SK" + secrets.token_hex(16), secrets.token_hex(24)
        self.listen = "127.0.0.1:0"
        atexit.register(self.stop)
        self.start()

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "RUST_BACKTRACE": "1",
            "AIRLOCK_ACCOUNT_SID": self.account,
            "AIRLOCK_AUTH_TOKEN": self.token,
            "AIRLOCK_API_KEYS": f"{self.key}:{self.secret}",
        }
        command = [
            BINARY, "serve", "--listen", self.listen, "--admin-listen", "127.0.0.1:0", "--port-file", port_file,
            "--data", self.folder / "data", "--policies", ROOT / "policies", "--log", "warn", *self.args,
        ]  # fmt: skip
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not (port_file.exists() and (text := port_file.read_text().split(":")[-1].strip())):
            if self.process.poll() is not None or deadline < time.monotonic():
                raise RuntimeError(f"the server is not there: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)
        self.port = int(text)
        self.listen = f"127.0.0.1:{self.port}"
        self.url = f"http://127.0.0.1:{self.port}"
        self.place = self.url  # where the library is pointed; tests may change it

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, user=None, password=None):
        """The library, pointed here as its users do (sync-rest, 2)."""
        client = Client(user or self.key, password or self.secret, account_sid=self.account)
        client.sync.base_url = self.url
        return client

    def authorization(self, user=None, password=None):
        pair = f"{user or self.key}:{password or self.secret}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def http(self, method, path, form=None, headers=None, connection=None, authorization=None):
        """One request as bytes on the wire. `form`: pairs, a mapping, or the encoded text."""
        own = connection or self.connect()
        sent = self.authorization() if authorization is None else dict(authorization)
        body = None
        if form is not None:
            body = (form if isinstance(form, str) else urlencode(form)).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            own.request(method, path.removeprefix(self.url), body, {**sent, **(headers or {})})
            response = own.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            if connection is None:
                own.close()

    def spoken(self, *lines):
        """What comes back for a head written by hand, on a socket of its own."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as stream:
            head = [*lines, *(f"{name}: {value}" for name, value in self.authorization().items()), "Connection: close"]
            stream.sendall("\r\n".join([*head, "", ""]).encode())
            text = b"".join(iter(lambda: stream.recv(65536), b"")).decode()
        head, body = text.split("\r\n\r\n", 1)
        return Answer(int(head.split(" ", 2)[1]), head, body)


_shared = None


def shared():
    """The server of this run."""
    global _shared
    if _shared is None:
        _shared = Airlock()
    return _shared


def together(count, call):
    """Calls `count` times at once; gives results and exceptions in order."""

    def caught(number):
        try:
            return call(number)
        except TwilioRestException as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(caught, range(count)))


class RestTest(unittest.TestCase):
    """A test with a service of its own. Its docstring names the rule that it guards."""

    maxDiff = None
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.airlock = shared()
        cls.client = cls.airlock.client()

    def setUp(self):
        rule = self.shortDescription() or ""
        self.assertRegex(rule, r"^(§|decision )\d", "a test names its rule")
        made = self.client.sync.v1.services.create(friendly_name=self.id()[-200:], **self.settings)
        self.sid, self.service = made.sid, self.client.sync.v1.services(made.sid)

    def http(self, method, path="", form=None, headers=None, **more):
        """A bare request beneath this test's service."""
        return self.airlock.http(method, f"/v1/Services/{self.sid}{path}", form, headers, **more)

    def refused(self, status, code, call, *args, message=None, **named):
        """The library raises what the reference says."""
        with self.assertRaises(TwilioRestException) as caught:
            call(*args, **named)
        error = caught.exception
        self.assertEqual((error.status, error.code), (status, code), error.msg)
        if message:
            self.assertIn(message, error.msg)
        return error

    def fault(self, answer, status, code, message=None):
        """The bare answer is the error that the reference says."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual((answer.headers.get("content-type") or "").split(";")[0], "application/json", answer)
        body = answer.body
        self.assertEqual((body["status"], body["code"]), (status, code), answer)
        if message:
            self.assertTrue(body["message"].startswith(message), answer)
        return body

    def unlisted(self, call, *args, **named):
        """Listings raise the plain exception, with the answer inside (sync-rest, 5 and 15.3)."""
        with self.assertRaises(TwilioException) as caught:
            call(*args, **named)
        self.assertNotIsInstance(caught.exception, TwilioRestException)
        response = caught.exception.args[1]
        return response.status_code, json.loads(response.text)["code"]

    def collections(self):
        """A list and a map, each with how an item gets in: (collection, add)."""
        mine, other = self.service.sync_lists.create(), self.service.sync_maps.create()
        yield self.service.sync_lists(mine.sid).sync_list_items, lambda data, **more: self.add_to_list(mine.sid, data, **more)
        yield self.service.sync_maps(other.sid).sync_map_items, lambda data, **more: self.add_to_map(other.sid, data, **more)

    def add_to_list(self, sid, data, **more):
        return self.service.sync_lists(sid).sync_list_items.create(data, **more)

    def add_to_map(self, sid, data, key="k", **more):
        return self.service.sync_maps(sid).sync_map_items.create(key, data, **more)


def path_of(url):
    """Path and query of a URL that the server gave."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")

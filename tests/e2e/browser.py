"""A real browser without a screen, and the authenticator it makes believe to have: W3C WebDriver over plain HTTP."""
import contextlib
import shutil
import socket
import subprocess
import tempfile

import requests
from client import eventually


def missing():
    """What of it is not installed; deploy/local/packages.txt lists both for the tests."""
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Browser:
    def __init__(self, url, folder):
        self.url, self.http = url, requests.Session()
        self.http.trust_env = False
        # Root may start it in no sandbox, and /dev/shm is small in a container.
        args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": args, "binary": shutil.which("chromium")}}
        self.path = ""
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.path = f"/session/{made['sessionId']}"
        self.call("POST", "/timeouts", {"script": 60000, "pageLoad": 60000})

    def call(self, method, path, body=None):
        answer = self.http.request(method, self.url + self.path + path, json=body, timeout=90)
        value = answer.json()["value"]
        assert answer.ok, f"{method} {path}: {value}"
        return value

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of an async function's body, run in the page."""
        body = f"const done = arguments[arguments.length - 1]; (async (...args) => {{ {script} }})(...arguments)" \
               ".then(value => done({value}), error => done({error: String(error)}));"
        got = self.call("POST", "/execute/async", {"script": body, "args": list(args)})
        assert "error" not in got, got["error"]
        return got.get("value")

    def authenticator(self, **more):
        """One that is built in, verifies its user and keeps passkeys; returns its id."""
        return self.call("POST", "/webauthn/authenticator", {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserConsenting": True, "isUserVerified": True, **more})


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def browser():
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        driver = subprocess.Popen([shutil.which("chromedriver"), f"--port={port}"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def ready():
            try:
                return requests.get(f"{url}/status", timeout=2).json()["value"]["ready"]
            except requests.RequestException:
                return False
        opened = None
        try:
            eventually("chromedriver is ready", ready)
            opened = Browser(url, folder)
            yield opened
        finally:
            if opened is not None:
                with contextlib.suppress(AssertionError, requests.RequestException):
                    opened.call("DELETE", "")
            driver.terminate()
            driver.wait(20)

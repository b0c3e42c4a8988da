"""The mail sink as a part of the running copy: certificates, process, reading."""
import json
import urllib.request
from pathlib import Path

from nxt import packages
from nxt.packages import run
from nxt.proc import Process

PROGRAM = Path(__file__).with_name("mailsink.py")


def make_certificates(folder):
    """Our own authority and one certificate for this machine; curl checks the chain as it would a real one."""
    ca, key, cert = folder / "ca.pem", folder / "mail.key", folder / "mail.pem"
    if cert.exists():
        return ca, key, cert
    folder.mkdir(parents=True, exist_ok=True)
    request, extensions = folder / "mail.csr", folder / "mail.ext"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run(["openssl", "req", "-x509", *new_key, "-keyout", folder / "ca.key", "-out", ca, "-days", "3650",
         "-subj", "/CN=nxt local authority", "-addext", "basicConstraints=critical,CA:TRUE"])
    run(["openssl", "req", *new_key, "-keyout", key, "-out", request, "-subj", "/CN=localhost"])
    extensions.write_text("subjectAltName=DNS:localhost,DNS:mail.localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    made = cert.with_suffix(".new")
    run(["openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial",
         "-days", "3650", "-extfile", extensions, "-out", made])
    for secret in (key, folder / "ca.key"):
        secret.chmod(0o600)
    made.rename(cert)
    return ca, key, cert


class Mail:
    name = "mail"

    def __init__(self, home, ports):
        self.home, self.ports = home, ports
        self.process = Process(home, self.name)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['mail']}"

    @property
    def ca(self):
        return self.home / "mail/tls/ca.pem"

    def start(self):
        """Returns whether it had to be started."""
        _, key, cert = make_certificates(self.home / "mail/tls")
        argv = [packages.venv("run"), PROGRAM, "--smtp", self.ports["smtp"], "--smtps", self.ports["smtps"],
                "--http", self.ports["mail"], "--cert", cert, "--key", key, "--store", self.home / "mail/messages.jsonl"]
        argv = [str(a) for a in argv]
        marks = [PROGRAM.stat().st_mtime_ns]
        if self.process.is_current(argv, marks=marks):
            return False
        self.process.stop()
        self.process.start(argv, marks=marks)
        self.process.wait_ready(self.answers, 20)
        return True

    def answers(self):
        try:
            self.messages()
        except OSError:
            return False
        return True

    def messages(self):
        with urllib.request.urlopen(f"{self.url}/messages", timeout=5) as answer:
            return json.load(answer)

    def stop(self):
        return self.process.stop(grace=3)

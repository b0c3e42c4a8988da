"""The mail sink: takes every mail, keeps it, shows it. Runs by itself in the Python environment with aiosmtpd.

SMTP with STARTTLS on one port and TLS from the first byte on another; HTTP on a third:
  GET    /messages        [{id, from, to, subject, text, html, headers}], oldest first (?to= filters)
  GET    /messages/ID     one of them;  GET /messages/ID/raw  as it came
  DELETE /messages        empties
  GET    /behaviour       what the sink demands and refuses; PUT replaces it:
    {"require_tls": bool, "require_auth": bool, "username": …, "password": …, "delay_ms": n,
     "refuse": [{"to": "regular expression", "reply": "550 5.1.1 no such user", "times": n or null}]}
  GET    /                a page to read the mails
"""
import argparse
import asyncio
import email
import email.policy
import json
import os
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, AuthResult

PAGE = Path(__file__).with_name("mailpage.html")
BEHAVIOUR = {"require_tls": False, "require_auth": False, "username": "nxt", "password": "nxt", "delay_ms": 0, "refuse": []}


class Store:
    """The mails, in memory and in one file of JSON lines, so that a restart forgets nothing."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.mails = []
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    self.mails.append(json.loads(line))
                except ValueError:
                    pass  # the last line of a killed sink
        self.next = 1 + max((int(m["id"]) for m in self.mails), default=0)

    def add(self, mail):
        with self.lock:
            mail = {"id": str(self.next), **mail}
            self.next += 1
            with open(self.path, "a") as f:
                f.write(json.dumps(mail) + "\n")
            self.mails.append(mail)
        return mail["id"]

    def all(self, to=None):
        with self.lock:
            return [m for m in self.mails if not to or to in m["to"]]

    def clear(self):
        with self.lock:
            self.mails = []
            self.path.unlink(missing_ok=True)


def readable(sender, recipients, raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)

    def part(kind):
        found = message.get_body(preferencelist=(kind,))
        return found.get_content() if found else None
    headers = {}
    for name, value in message.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else str(value)
    return {"from": sender, "to": recipients, "subject": str(message["subject"] or ""), "text": part("plain"),
            "html": part("html"), "headers": headers, "received_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "raw": raw.decode("utf-8", "replace")}


class Handler:
    def __init__(self, store, behaviour):
        self.store, self.behaviour = store, behaviour

    def _refusal(self, address):
        for rule in self.behaviour["refuse"]:
            if re.search(rule.get("to", ""), address) and rule.get("times") != 0:
                if rule.get("times"):
                    rule["times"] -= 1
                return rule.get("reply", "550 5.1.1 no such user")
        return None

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.behaviour["require_tls"] and not session.ssl:
            return "530 5.7.0 Must issue a STARTTLS command first"
        if self.behaviour["require_auth"] and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = self._refusal(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(self.behaviour["delay_ms"] / 1000)
        number = self.store.add(readable(envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return f"250 OK queued as {number}"


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = behaviour = None

    def log_message(self, *_):
        pass

    def _send(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _mails(self, to=None):
        return [{k: v for k, v in m.items() if k != "raw"} for m in self.store.all(to)]

    def do_GET(self):
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        if url.path == "/":
            return self._send(200, PAGE.read_bytes(), "text/html; charset=utf-8")
        if url.path == "/messages":
            return self._send(200, self._mails(parse_qs(url.query).get("to", [None])[0]))
        if url.path == "/behaviour":
            return self._send(200, self.behaviour)
        if parts[0] == "messages" and len(parts) in (2, 3):
            for mail in self.store.all():
                if mail["id"] == parts[1]:
                    if len(parts) == 3:
                        return self._send(200, mail["raw"].encode(), "message/rfc822")
                    return self._send(200, mail)
        return self._send(404, {"title": "Not found"})

    def do_DELETE(self):
        if self.path != "/messages":
            return self._send(404, {"title": "Not found"})
        self.store.clear()
        return self._send(200, {"deleted": True})

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            wanted = json.loads(body)
        except ValueError:
            return self._send(400, {"title": "Not JSON"})
        if self.path != "/behaviour" or not isinstance(wanted, dict) or set(wanted) - set(BEHAVIOUR):
            return self._send(422, {"title": "Unknown behaviour"})
        self.behaviour.clear()
        self.behaviour.update(json.loads(json.dumps(BEHAVIOUR)), **wanted)
        return self._send(200, self.behaviour)


def smtp(handler, behaviour, tls, implicit):
    def authenticate(server, session, envelope, mechanism, data):
        right = (behaviour["username"].encode(), behaviour["password"].encode())
        ok = (data.login, data.password) == right
        return AuthResult(success=ok, handled=ok)

    def make():
        # On the TLS port the connection is already safe, and STARTTLS inside TLS is not a thing.
        return SMTP(handler, hostname="mail.localhost", ident="nxt mail sink", enable_SMTPUTF8=True,
                    tls_context=None if implicit else tls, authenticator=authenticate,
                    auth_require_tls=not implicit, data_size_limit=32 << 20)
    return make


async def serve(args, store, behaviour):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(args.cert, args.key)
    handler, loop = Handler(store, behaviour), asyncio.get_running_loop()
    await loop.create_server(smtp(handler, behaviour, tls, False), "127.0.0.1", args.smtp)
    await loop.create_server(smtp(handler, behaviour, tls, True), "127.0.0.1", args.smtps, ssl=tls)
    Http.store, Http.behaviour = store, behaviour
    web = ThreadingHTTPServer(("127.0.0.1", args.http), Http)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("smtp", "smtps", "http"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("cert", "key", "store"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    os.umask(0o077)
    asyncio.run(serve(args, Store(args.store), json.loads(json.dumps(BEHAVIOUR))))


if __name__ == "__main__":
    main()

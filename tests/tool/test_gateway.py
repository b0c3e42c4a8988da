"""The generated gateway: who answers what, and how it answers for itself."""
import json
import re
import socket
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from nxt.client import Client
from nxt.gateway import Gateway, owners, streams
from nxt.ui import NxtError

JOBS = "GET\t/v1/jobs\tanyone\tlist\nPOST\t/v1/jobs/{id}/submit\towner\tsubmit\n"


def test_the_shortest_prefix_that_is_one_services_own():
    assert owners({"marketplace": JOBS}) == {"/v1/jobs": "marketplace"}
    shared = {"identity": "GET\t/v1/me\tself\tme\n", "notify": "GET\t/v1/me/tickets\tself\tmine\n"}
    assert owners(shared) == {"/v1/me": "identity", "/v1/me/tickets": "notify"}
    assert owners({"identity": "GET\t/.well-known/jwks.json\t-\tkeys\n"}) == {"/.well-known/jwks.json": "identity"}


def test_one_path_two_services_is_refused():
    with pytest.raises(NxtError, match="both"):
        owners({"a": JOBS, "b": JOBS})


def test_streams():
    assert streams({"notify": "GET\t/v1/notifications/stream\tself\tpush\n"}) == ["/v1/notifications/stream"]


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
        self.send_response(400 if "bad" in self.path else 200)
        self.send_header("Content-Type", "application/problem+json" if "bad" in self.path else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """nginx before one echoing service and one that is down."""
    from nxt.home import Home
    from nxt.ports import Ports
    home = Home(tmp_path_factory.mktemp("gateway"))
    ports = Ports(home, preferred=False)
    ports.settle(lambda name: False)
    echo = ThreadingHTTPServer(("127.0.0.1", ports["marketplace"]), Echo)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    gateway = Gateway(SimpleNamespace(home=home, ports=ports))
    gateway.run(gateway.configuration({"marketplace": JOBS, "finance": "GET\t/v1/orders\tself\tlist\n"}))
    yield gateway
    gateway.stop()
    echo.shutdown()


def raw(gateway, request):
    with socket.create_connection(("127.0.0.1", gateway.ports["gateway"]), timeout=5) as s:
        s.sendall(request)
        s.settimeout(5)
        return s.recv(65536).decode()


def test_the_target_goes_through_as_it_was_sent(gateway):
    assert Client(gateway.url).get("/v1/jobs/a%2Fb//c?q=%20x")["path"] == "/v1/jobs/a%2Fb//c?q=%20x"


def test_a_caller_cannot_choose_his_address(gateway):
    headers = Client(gateway.url).get("/v1/jobs", X_Forwarded_For="6.6.6.6", Forwarded="for=6.6.6.6", X_Real_IP="6.6.6.6",
                                      traceparent="00-1-2-01")["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert "forwarded" not in headers and "x-real-ip" not in headers
    assert headers["traceparent"] == "00-1-2-01"


def test_request_ids_are_passed_on_made_or_replaced(gateway):
    client = Client(gateway.url)
    assert client.get("/v1/jobs", X_Request_Id="order-17")["headers"]["x-request-id"] == "order-17"
    assert len(client.get("/v1/jobs")["headers"]["x-request-id"]) == 36
    assert '"' not in client.get("/v1/jobs", X_Request_Id='a"b')["headers"]["x-request-id"]


def test_a_services_own_refusal_is_untouched(gateway):
    answer = Client(gateway.url).get("/v1/jobs/bad", expect=400)
    assert answer["path"] == "/v1/jobs/bad"


@pytest.mark.parametrize("path, status, code", [("/nothing", 404, "not_found"), ("/v1/jobsx", 404, "not_found"),
                                                ("/v1/orders", 503, "unavailable")])
def test_its_own_answers_are_problems(gateway, path, status, code):
    answer = Client(gateway.url).get(path, expect=status, X_Request_Id="r-1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer["status"], answer["code"], answer["request_id"]) == (status, code, "r-1")
    assert answer["instance"] == path
    assert answer.headers["x-request-id"] == "r-1"


def test_a_path_cannot_break_out_of_the_problem(gateway):
    head, _, body = raw(gateway, b'GET /no"thing?a=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').partition("\r\n\r\n")
    assert json.loads(body)["instance"] == "/no"


def test_the_page_of_the_document_asks_nobody_else(gateway):
    url = gateway.url
    with urllib.request.urlopen(f"{url}/docs") as page:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        loads = re.findall(r'(?:src|href)="([^"]+)"', page.read().decode())
    assert loads and all(at.startswith("/docs/") for at in loads)
    for at in loads:
        with urllib.request.urlopen(url + at) as part:
            assert part.status == 200 and part.headers["Content-Type"].startswith("text/")
            assert len(part.read()) > 100


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/9.9\r\n\r\n", 505),
    (b"GET /v1/jobs HTTP/1.1\r\n\r\n", 400),
    (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /v1/jobs HTTP/1.1\r\nHost: a\r\n" + b"X-A: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
])
def test_malformed_requests_get_problems_too(gateway, request_bytes, status):
    head, _, body = raw(gateway, request_bytes).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_a_header_block_of_15_kib_passes(gateway):
    answer = Client(gateway.url).get("/v1/jobs", **{f"X-A{i}": "a" * 1000 for i in range(15)})
    assert answer.status == 200

"""The gateway says the same as the services: every route reaches its owner, every code is in the catalogue."""
import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from nxt.gateway import ERRORS, owners
from nxt.home import SERVICES

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("NXT_BIN", "."))


def printed(service, table):
    if not (BIN / f"nxt-{service}").exists():
        pytest.skip(f"nxt-{service} is not built")
    out = subprocess.run([BIN / f"nxt-{service}", f"--{table}"], capture_output=True, text=True, check=True)
    return "".join(line for line in out.stdout.splitlines(True) if not line.startswith("#"))


def test_every_path_has_one_owner_and_the_longest_prefix_finds_it():
    routes = {s: printed(s, "routes") for s in SERVICES}
    prefixes = owners(routes)
    for service, text in routes.items():
        for line in text.splitlines():
            path = line.split("\t")[1]
            fitting = [p for p in prefixes if path == p or path.startswith(p + "/")]
            assert prefixes[max(fitting, key=len)] == service, path


def test_every_path_is_in_the_merged_document():
    with urllib.request.urlopen(os.environ["NXT_GATEWAY_URL"] + "/openapi.json") as answer:
        document = json.load(answer)
    for service in SERVICES:
        for line in printed(service, "routes").splitlines():
            method, path = line.split("\t")[:2]
            assert method.lower() in document["paths"].get(path, {}), f"{method} {path} of {service}"


def test_the_gateways_own_codes_are_in_the_catalogue():
    catalogue = {(w[0], w[1]) for w in (line.split("\t") for line in printed("identity", "errors").splitlines())}
    for line in ERRORS.read_text().splitlines():
        if line and not line.startswith("#"):
            _, status, code = line.split("\t")[:3]
            assert (code, status) in catalogue or (status, code) in catalogue


def test_an_unknown_path_is_the_gateways_own_404():
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(os.environ["NXT_GATEWAY_URL"] + "/v1/no-such-thing")
    assert refused.value.code == 404
    assert refused.value.headers["Content-Type"] == "application/problem+json"
    assert json.load(refused.value)["code"] == "not_found"


@pytest.mark.parametrize("page", ("verify-email", "reset-password", "confirm-email"))
def test_the_links_of_mails_lead_to_a_page_that_says_what_to_send(page):
    """The web client's pages; where there is none the gateway names the call, and the call exists."""
    if "NXT_GATEWAY_URL" not in os.environ:
        pytest.skip("nothing runs")
    with urllib.request.urlopen(f"{os.environ['NXT_GATEWAY_URL']}/{page}?token=x") as answer:
        text = answer.read().decode()
    path = next(line.split()[2] for line in text.splitlines() if line.startswith(f"/{page} "))
    assert f"POST\t{path}\t" in printed("identity", "routes")
    assert f"/{page}" in (ROOT / "libcommon/config.c").read_text()

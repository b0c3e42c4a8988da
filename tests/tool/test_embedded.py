"""./nxt up --bus embedded: a first look without Java, whose topics go when it stops, and nothing else with them."""
import json
import time
import urllib.request
import uuid

import pytest

from nxt.home import SERVICES
from nxt.stack import Stack


@pytest.fixture
def stack(home):
    stack = Stack(home.path, preset="dev", preferred_ports=False)
    stack.up(bus="embedded", with_build=False)
    yield stack
    stack.down()


def register(stack):
    email = f"{uuid.uuid4().hex}@example.com"
    body = json.dumps({"email": email, "password": "a phrase nobody else has", "account_type": "INDIVIDUAL"}).encode()
    call = urllib.request.Request(f"{stack.gateway.url}/v1/auth/register", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=30) as answer:
        assert answer.status == 202
    return email


def mailed(stack, emails):
    end = time.monotonic() + 60
    while True:
        got = {m["to"][0] for m in stack.mail.messages()}
        if set(emails) <= got:
            return
        assert time.monotonic() < end, f"{len(set(emails) - got)} of {len(emails)} got no mail"
        time.sleep(0.1)


def test_a_new_embedded_broker_is_read_from_its_beginning(stack):
    """The positions of the last one would pass over as many events of the new one."""
    for _ in range(2):
        mailed(stack, [register(stack) for _ in range(4)])
        stack.down()
        stack.up(with_build=False)
    mailed(stack, [register(stack) for _ in range(4)])
    for service in SERVICES:
        assert stack.postgres.psql("SELECT count(*) FROM dead_letters", stack.postgres.owner_url(service)).strip() == "0"

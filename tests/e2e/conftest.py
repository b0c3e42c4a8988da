"""What every end-to-end test stands on: a running copy, and the few people each story needs.

The copy is found by the names of `./nxt env` (`./nxt test e2e` brings one up for itself). NXT_ATTACH=host:port
sends what that daemon serves to it, under a debugger for example, and the rest to the gateway.
"""
import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).resolve().parent)]
from client import Api, Mailbox, Person, eventually  # noqa: E402
from nxt.home import SERVICES  # noqa: E402
from people import Cast  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "disruptive: takes a part of the running copy away; runs after all others")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("disruptive") is not None)


@pytest.fixture(scope="session")
def env():
    found = {k: v for k, v in os.environ.items() if k.startswith("NXT_")}
    if "NXT_GATEWAY_URL" not in found:
        out = subprocess.run([str(ROOT / "nxt"), "env", "--all"], capture_output=True, text=True, check=True).stdout
        found.update(line.split("=", 1) for line in out.splitlines() if "=" in line)
    return found


@pytest.fixture(scope="session")
def stack(env):
    """The running copy itself, to stop and start its parts."""
    if "NXT_HOME" not in env:
        pytest.skip("NXT_HOME does not say whose parts may be stopped")
    from nxt.stack import Stack
    return Stack(env["NXT_HOME"], preset=env["NXT_PRESET"])


@pytest.fixture(scope="session")
def mailbox(env):
    return Mailbox(env)


@pytest.fixture
def anyone(env):
    """Nobody in particular: no token."""
    return Api(env)


@pytest.fixture
def person(env):
    """Somebody new, signed in."""
    return Person(env).register().sign_in()


@pytest.fixture(scope="session")
def cast(env):
    """Administrator, reviewer, an active company: made once, at first need."""
    return Cast(env)


@pytest.fixture(scope="session")
def admin(cast):
    return cast.admin


@pytest.fixture(scope="session")
def reviewer(cast):
    return cast.reviewer


@pytest.fixture(scope="module")
def company(cast):
    return cast.company


@pytest.fixture(scope="module")
def candidate(env):
    return Person(env, name="candidate").register().sign_in()


@pytest.fixture(scope="module")
def customer(env):
    return Person(env, name="customer").register().sign_in()


@pytest.fixture(scope="module")
def user(env):
    return Person(env, name="asker").register().sign_in()


@pytest.fixture(scope="module")
def free_rate_card(admin):
    """A profession whose leads cost nothing, beside the usual ten coins."""
    key, card = "marketplace.lead_rate_card", {"*": 10, "makeup_artist": 0}
    found = admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
    if not found:
        admin.post("/v1/runtime-configs", {"config_group": "marketplace", "config_key": key,
                                           "config_value_json": card, "reason": "test"}, expect=201)
    elif found[0]["config_value_json"] != card:
        admin.patch(f"/v1/runtime-configs/{found[0]['id']}", {"config_value_json": card, "reason": "test"}, expect=200)


@pytest.fixture
def wallets(env, admin, sql):
    """Gives coins to people and tells what they have."""
    if not sql("finance", "SELECT 1 FROM tracecoin_wallets LIMIT 1"):
        pytest.skip("no finance daemon")

    class Wallets:
        def of(self, person):
            return eventually("a wallet", lambda: person.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]

        def balance(self, person):
            return self.of(person)["current_balance"]

        def give(self, person, coins):
            admin.post(f"/v1/tracecoin-wallets/{self.of(person)['id']}/credit",
                       {"amount": coins, "reference_type": "BONUS", "remarks": "A test."}, key=str(uuid.uuid4()), expect=200)
    return Wallets()


@pytest.fixture(scope="session")
def bodies(env, cast):
    """A body for any declared table, and rows and people made of them once for the whole run."""
    from bodies import Bodies
    return Bodies(env, cast)


@pytest.fixture(scope="session")
def sql(env):
    """sql("audit", "SELECT …", …): rows as dicts, read past the daemons to see what they really wrote."""
    open_ = {}

    def ask(service, statement, *values):
        for again in (True, False):
            try:
                if service not in open_:
                    open_[service] = psycopg.connect(env[f"NXT_DB_{service.upper()}"], autocommit=True,
                                                     row_factory=dict_row)
                cursor = open_[service].execute(statement, values)
                return cursor.fetchall() if cursor.description is not None else []
            except psycopg.OperationalError:
                open_.pop(service, None)
                if not again:
                    raise
    yield ask
    for connection in open_.values():
        connection.close()


@pytest.fixture(scope="session", autouse=True)
def nothing_dead_lettered(env, sql):
    """Whatever the tests did, no event may have been given up and nothing may be left unsent."""
    yield
    for service in SERVICES:
        dead = sql(service, "SELECT topic, error, attempts FROM dead_letters")
        assert not dead, f"{service}: {dead}"
        eventually(f"the outbox of {service} is empty",
                   lambda s=service: not sql(s, "SELECT FROM outbox_events LIMIT 1"))

"""Refresh rotation, against a model: what two tabs, a thief, lost answers and retries may be answered.

A family is a chain of tokens, each the successor of the one before. The last one is replaced when it is used. The one
before it gets that same last one again within the grace. Any older one, or that one later, is theft: the family ends.
Time passes by ageing the rows. Requests sent at once may be served in any order that explains all their answers.
"""
import concurrent.futures
import itertools
import os
import random
import secrets
import time

import pytest
from client import Api, Person, eventually

SCENARIOS, STEPS = 60, 10
GRACE_S = 10
SEED = int(os.environ.get("NXT_SEED", "0")) or secrets.randbelow(2**32)


class Family:
    """The model; `take` says whether an answer is allowed and what is so afterwards, or None."""

    def __init__(self, chain, retired=(), is_dead=False):
        self.chain, self.retired, self.is_dead = tuple(chain), tuple(retired), is_dead

    def age(self, seconds):
        return Family(self.chain, [(a - seconds, b - seconds) for a, b in self.retired], self.is_dead)

    def take(self, token, answer, began, ended):
        kind = answer["code"] if answer.status != 200 else "ok"
        if self.is_dead or token not in self.chain:
            return self if kind == "token_invalid" else None
        if token == self.chain[-1]:
            new = answer["refresh_token"] if kind == "ok" else token
            return None if new in self.chain else Family([*self.chain, new], [*self.retired, (began, ended)])
        # it was retired and is judged at some moment of the calls; where these span the edge, either is right
        parent_again = token == self.chain[-2] and began - self.retired[-1][1] <= GRACE_S
        stolen = token != self.chain[-2] or ended - self.retired[-1][0] >= GRACE_S
        if kind == "ok" and answer["refresh_token"] == self.chain[-1] and parent_again:
            return self
        return Family(self.chain, self.retired, True) if kind == "token_reused" and stolen else None


def explain(family, asked, began, ended):
    """The families that remain possible after these were sent at once."""
    for order in itertools.permutations(asked):
        now = family
        for token, answer in order:
            now = now.take(token, answer, began, ended)
            if now is None:
                break
        else:
            return now
    raise AssertionError(f"seed {SEED}: no order of {[(t[:6], a.status, a.json) for t, a in asked]} is allowed by "
                         f"{[t[:6] for t in family.chain]}, dead: {family.is_dead}")


class Scenario:
    """One sign-in and who holds which of its tokens. A lost answer is one that its asker never learns of."""

    def __init__(self, api, person, sql, rng, pool):
        self.api, self.sql, self.rng, self.pool = api, sql, rng, pool
        person.sign_in()
        self.session_id, self.family = person.session_id, Family([person.refresh_token])
        self.holds = dict.fromkeys(("tab", "other tab"), person.refresh_token)
        self.address = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"

    def ask(self, token):
        return self.api.post("/v1/auth/refresh", {"refresh_token": token}, expect=(200, 401),
                             headers={"X-Forwarded-For": self.address})

    def refresh(self, who, is_lost=False):
        began = time.monotonic()
        asked = list(zip((self.holds[w] for w in who),
                         self.pool.map(self.ask, [self.holds[w] for w in who]), strict=True))
        self.family = explain(self.family, asked, began, time.monotonic())
        for w, (_, answer) in zip(who, asked, strict=True):
            if answer.status == 200 and not is_lost:
                self.holds[w] = answer["refresh_token"]

    def pass_time(self, seconds):
        self.sql("identity", "UPDATE refresh_tokens SET rotated_at = rotated_at - make_interval(secs => %s)"
                             " WHERE session_id = %s", seconds, self.session_id)
        self.family = self.family.age(seconds)

    def step(self):
        someone = self.rng.choice(list(self.holds))
        match self.rng.choice(("alone", "alone", "alone", "at once", "lost", "share", "steal", "wait", "wait long", "guess")):
            case "alone":
                self.refresh([someone])
            case "at once":
                self.refresh(self.rng.choices(list(self.holds), k=self.rng.choice((2, 3))))
            case "lost":
                self.refresh([someone], is_lost=True)
            case "share":
                self.holds["other tab"] = self.holds["tab"]
            case "steal":
                self.holds["thief"] = self.holds[someone]
            case "wait":
                self.pass_time(4)
            case "wait long":
                self.pass_time(60)
            case "guess":
                self.holds["guesser"] = secrets.token_urlsafe(32)

    def check_rows(self):
        rows = self.sql("identity", "SELECT revoked FROM refresh_tokens WHERE session_id = %s", self.session_id)
        assert len(rows) == len(self.family.chain), f"seed {SEED}"
        assert sum(not r["revoked"] for r in rows) == (0 if self.family.is_dead else 1), f"seed {SEED}"


@pytest.fixture(scope="module")
def daemon(env):
    """Past the gateway, so that each scenario may come from an address of its own."""
    return Api(env, url=env["NXT_IDENTITY_URL"])


def test_refreshing_is_explained_by_the_model(env, daemon, sql):
    rng, person = random.Random(SEED), Person(env).register().sign_in()
    user_id, thefts = person.id, 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for _ in range(SCENARIOS):
            scenario = Scenario(daemon, person, sql, rng, pool)
            for _ in range(STEPS):
                was_dead = scenario.family.is_dead
                scenario.step()
                if was_dead:
                    break
            scenario.check_rows()
            thefts += scenario.family.is_dead
    assert 5 < thefts < SCENARIOS, f"seed {SEED}: the steps lead where nothing is to be seen"
    eventually("each theft is told once", lambda: len(sql(
        "audit", "SELECT FROM audit_logs WHERE metadata_json->>'event_type' = 'token.reuse_detected'"
                 " AND entity_id = %s", user_id)) == thefts)


def test_two_tabs_and_lost_answers_alone_never_end_a_session(env, daemon, sql):
    """Tabs of one browser share what they hold: whoever asks sends the newest token, or one whose answer was lost."""
    rng, person = random.Random(SEED), Person(env).register().sign_in()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for _ in range(5):
            scenario = Scenario(daemon, person, sql, rng, pool)
            for _ in range(STEPS):
                who = rng.choice((["tab"], ["other tab"], ["tab", "other tab"], ["tab", "other tab", "tab"]))
                scenario.refresh(who, is_lost=rng.random() < 0.3)
                newest = max(scenario.holds.values(), key=scenario.family.chain.index)
                if newest != scenario.family.chain[-1]:
                    scenario.pass_time(rng.choice((0, 4)))
                    scenario.refresh(["tab"])
                    newest = scenario.holds["tab"]
                scenario.holds = dict.fromkeys(scenario.holds, newest)
                scenario.pass_time(rng.choice((0, 4, 60)))
            assert not scenario.family.is_dead, f"seed {SEED}"

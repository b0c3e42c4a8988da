"""The people whom many stories share, and the steps that bring each of them there."""
import functools
import secrets
import subprocess
import uuid

from client import Person, eventually

ADMINISTRATOR = "admin@nxtgauge.localhost"


def identity_command(env, words, stdin=""):
    """A one-time command of nxt-identity, with the options of the running copy."""
    from nxt.stack import Stack
    daemon = Stack(env["NXT_HOME"], preset=env["NXT_PRESET"]).daemons["identity"]
    return subprocess.run([str(daemon.binary), *words], input=stdin, capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", **daemon.environment(), "ASAN_OPTIONS": "detect_leaks=0"})


def administrator(env):
    """The first administrator. Its password is kept with the copy, so that a second run finds it."""
    from nxt.home import Home
    password = Home(env["NXT_HOME"]).secret("demo_administrator", lambda: secrets.token_urlsafe(12))
    made = identity_command(env, ["admin", "create", "--email", ADMINISTRATOR], password + "\n")
    if made.returncode:
        assert "administrator already" in made.stderr + made.stdout, made.stderr + made.stdout
    return Person(env, email=ADMINISTRATOR, password=password).sign_in()


def staff(env, admin, role_key):
    """Registers, asks for an INTERNAL role, is let in by the administrator."""
    person = Person(env, name=role_key.replace("_", "-")).register().sign_in()
    request = person.post("/v1/user-roles", {"role_key": role_key}, expect=201)
    assert request["status"] == "PENDING"
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=200)

    def has_it():
        person.refresh()
        return role_key in person.get("/v1/me", expect=200)["roles"]
    eventually(f"{role_key} stands in the token", has_it)
    return person


def company_fields(person, **more):
    return {"company_name": f"Acme {uuid.uuid4().hex[:8]}", "business_type": "PRIVATE_LIMITED",
            "industry": "Software", "contact_person_name": "Asha Rao", "email": person.email,
            "phone": "+919800000000", "location": "Bengaluru", "bio": "We make measuring instruments.", **more}


def job_fields(company_id, **more):
    return {"company_profile_id": company_id, "title": "Embedded engineer", "description": "Firmware for gauges.",
            "location": "Bengaluru", "employment_type": "FULL_TIME", "mode_of_work": "HYBRID",
            "budget_inr": 250000000, "salary_range_json": {"min_inr": 180000000, "max_inr": 250000000}, **more}


def queued(reviewer, entity_id):
    """The request that waits for a reviewer's word about this entity."""
    def found():
        page = reviewer.get(f"/v1/approval-requests?status=PENDING&entity_id={entity_id}", expect=200)
        return page.items[0] if page.items else None
    return eventually(f"an approval request for {entity_id}", found)


def nothing_queued(reviewer, entity_id):
    eventually("nothing waits for a reviewer", lambda: not reviewer.get(
        f"/v1/approval-requests?status=PENDING&entity_id={entity_id}", expect=200).items)


def decide(reviewer, entity_id, verb="approve", remarks=None):
    request = queued(reviewer, entity_id)
    body = {"content_hash": request["content_hash"], **({"remarks": remarks} if remarks else {})}
    return reviewer.post(f"/v1/approval-requests/{request['id']}/{verb}", body, expect=200)


def wait_status(person, path, status, column="status"):
    def reached():
        item = person.get(path, expect=200)
        return item if item[column] == status else None
    return eventually(f"{path} is {status}", reached)


def open_profile(person, role_key, **more):
    return person.post("/v1/user-role-profiles", {
        "role_key": role_key, "display_name": "Asha", "bio": "Patient and punctual.", "location": "Bengaluru",
        "phone": "+919800000000", "email": person.email, "is_profile_public": True, **more}, expect=201)


def activate_profile(person, reviewer, role_key, **more):
    profile = open_profile(person, role_key, **more)
    person.post(f"/v1/user-role-profiles/{profile['id']}/submit", expect=200)
    decide(reviewer, profile["id"])
    return wait_status(person, f"/v1/user-role-profiles/{profile['id']}", "ACTIVE")


def lead_fields(**more):
    return {"profession_key": "photographer", "title": "A wedding in June", "location": "Bengaluru",
            "description": "Two days, three hundred guests.", "budget_inr": 10000000, "required_date": "2099-06-01",
            **more}


def open_lead(customer, reviewer, **more):
    lead = customer.post("/v1/leads", lead_fields(**more), expect=201)
    customer.post(f"/v1/leads/{lead['id']}/submit", expect=200)
    decide(reviewer, lead["id"])
    return wait_status(customer, f"/v1/leads/{lead['id']}", "OPEN")


def ask(professional, lead, profile, expect=201, **more):
    return professional.post("/v1/lead-requests", {"lead_id": lead["id"], "user_role_profile_id": profile["id"],
                                                   **more}, key=str(uuid.uuid4()), expect=expect)


def professional_for(env, reviewer, role_key, name="pro"):
    person = Person(env, name=name).register().sign_in()
    person.profile = activate_profile(person, reviewer, role_key)
    return person


def asked(person, lead):
    """Asks once the profile's activation has reached the marketplace."""
    return eventually("the request is taken", lambda: (
        lambda a: a if a.status == 201 else None)(ask(person, lead, person.profile, expect=(201, 409, 422))))


def inbox(person, query=""):
    return person.get(f"/v1/notifications?limit=200{query}", expect=200).items


class Company(Person):
    """An owner with a company that the reviewer has let onto the market."""

    def __init__(self, env, reviewer):
        super().__init__(env, "COMPANY", "company")
        self.reviewer = reviewer
        self.company_id = None

    def open(self):
        self.register().sign_in()
        self.company_id = self.post("/v1/company-profiles", company_fields(self), expect=201)["id"]
        self.post(f"/v1/company-profiles/{self.company_id}/submit", expect=200)
        decide(self.reviewer, self.company_id)
        wait_status(self, f"/v1/company-profiles/{self.company_id}", "ACTIVE")
        return self

    def draft(self, **more):
        return self.post("/v1/jobs", job_fields(self.company_id, **more), expect=201)

    def live_job(self, **more):
        job = self.draft(**more)
        # The company's activation travels to the marketplace as an event.
        eventually("the job is submitted", lambda: self.post(f"/v1/jobs/{job['id']}/submit",
                                                             expect=(200, 409, 422)).status == 200)
        decide(self.reviewer, job["id"])
        return wait_status(self, f"/v1/jobs/{job['id']}", "LIVE")


class Cast:
    """Each made at first need, then shared by the whole run."""

    def __init__(self, env):
        self.env = env

    @functools.cached_property
    def admin(self):
        """His permissions reach the services by event: those that are first asked for are waited for."""
        admin = administrator(self.env)
        for path in ("/v1/approval-requests", "/v1/orders", "/v1/email-logs", "/v1/audit-logs"):
            admin.may(path)
        return admin

    @functools.cached_property
    def reviewer(self):
        return staff(self.env, self.admin, "reviewer").may("/v1/approval-requests?status=PENDING")

    @functools.cached_property
    def company(self):
        return Company(self.env, self.reviewer).open()

    @functools.cached_property
    def person(self):
        """Somebody with no role at all."""
        return Person(self.env).register().sign_in()

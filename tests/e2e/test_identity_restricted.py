"""What a suspended account may still read: its own data and what visitors may, of every declared resource and route.

The token is made here with `restricted` set, for people who are not suspended: so all that they could read before is
still there, and only the token makes the difference.
"""
import uuid

import declared
import pytest
from client import Api, eventually
from nxt.home import SERVICES
from people import asked, open_lead, professional_for
from tokens import Mint

OWN_ROUTES = {"/v1/notifications/unread-count", "/v1/notifications/stream"}    # and all under /v1/me


@pytest.fixture
def restricted(env):
    """The same person with a token as a suspended account gets it."""
    return lambda person: Api(env, Mint(env, person.refresh().token).sign(restricted=True))


@pytest.fixture(scope="module")
def hired(company, candidate):
    """A person's application for a job of the company."""
    job = company.live_job()
    return job, candidate.post("/v1/job-applications", {"job_id": job["id"], "cover_note": "Me."}, expect=201)


@pytest.fixture(scope="module")
def dealing(env, customer, reviewer, free_rate_card):
    """(professional, request): an accepted request for a lead of the customer."""
    professional = professional_for(env, reviewer, "makeup_artist", "restricted")
    request = asked(professional, open_lead(customer, reviewer, profession_key="makeup_artist"))
    path = f"/v1/lead-requests/{request['id']}"
    eventually("it is taken", lambda: customer.get(path).status == 200)
    customer.post(f"{path}/accept", expect=200)
    return professional, request


def test_a_restricted_company_reads_its_jobs_and_no_candidate(company, candidate, hired, restricted):
    job, application = hired
    api = restricted(company)
    assert api.get(f"/v1/jobs/{job['id']}", expect=200)["posting_id"]
    assert job["id"] in [j["id"] for j in api.get(f"/v1/jobs?posted_by_user_id={company.id}&limit=200", expect=200).items]
    assert api.get(f"/v1/company-profiles/{company.company_id}", expect=200)["email"]
    api.get(f"/v1/job-applications/{application['id']}/candidate", expect=403).says("account_restricted")
    api.get(f"/v1/job-applications/{application['id']}", expect=404)
    assert api.get(f"/v1/jobs/{job['id']}/applications", expect=200).items == []
    theirs = restricted(candidate).get(f"/v1/job-applications/{application['id']}", expect=200)
    assert theirs["cover_note"] == "Me."


def test_a_restricted_professional_reads_his_request_and_no_lead(customer, dealing, restricted):
    professional, request = dealing
    professional.get(f"/v1/lead-requests/{request['id']}/contact", expect=200)
    api = restricted(professional)
    assert api.get(f"/v1/lead-requests/{request['id']}", expect=200)["status"] == "ACCEPTED"
    api.get(f"/v1/lead-requests/{request['id']}/contact", expect=403).says("account_restricted")
    api.get(f"/v1/leads/{request['lead_id']}", expect=404)
    api.get(f"/v1/leads/{request['lead_id']}/price", expect=403).says("account_restricted")
    assert api.get("/v1/leads", expect=200).items == []
    api = restricted(customer)
    assert request["lead_id"] in [lead["id"] for lead in api.get("/v1/leads?limit=200", expect=200).items]
    api.get(f"/v1/lead-requests/{request['id']}", expect=404)
    assert api.get(f"/v1/leads/{request['lead_id']}/requests", expect=200).items == []


def test_a_restricted_account_reads_what_is_its_own(company, restricted):
    api = restricted(company)
    for path in ("/v1/me", "/v1/me/settings", "/v1/me/totp", "/v1/me/passkeys", "/v1/me/export",
                 "/v1/notifications/unread-count", *(f"/v1/me/export/{service}" for service in SERVICES)):
        api.get(path, expect=200)
    for path in ("/v1/users", "/v1/user-sessions", "/v1/tracecoin-wallets", "/v1/company-profiles", "/v1/notifications",
                 "/v1/approval-requests"):
        assert api.get(path, expect=200).items, path
    for path in ("/v1/tracecoin-ledger", "/v1/orders", "/v1/invoices", "/v1/payments", "/v1/support-tickets", "/v1/user-roles"):
        api.get(path, expect=200)


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_is_closed_to_a_restricted_account_unless_it_says_otherwise(admin, restricted, service):
    """Every GET beside the resources, asked by somebody with every right."""
    of_resources = {r.path for r in declared.resources()}
    api, asked_for = restricted(admin), []
    for route in declared.printed(service, "routes"):
        path = route["path"]
        resource = next((r for r in of_resources if path == r or path == f"{r}/{{id}}"), None)
        if route["method"] != "GET" or resource or "anyone" in route["who"]:
            continue
        if path.startswith("/v1/me") or path in OWN_ROUTES:
            continue
        asked_for.append(path)
        answer = api.get(path.replace("{id}", str(uuid.uuid4())).replace("{key}", "x").replace("{slug}", "x"))
        assert answer.status in (403, 404), f"{path}: {answer}"
    assert asked_for or service in ("profiles",)


@pytest.mark.parametrize("table", [r.table for r in declared.resources() if r.may("GET") and r.may("GET", "/{id}")])
def test_of_every_resource_a_restricted_account_reads_its_own_and_the_public(
        env, admin, company, candidate, hired, dealing, restricted, anyone, table):
    """What each could read before is readable still where it stands in the export or a visitor may read it, else not."""
    resource = declared.resource(table)
    for person in (admin, company, candidate, dealing[0]):
        api = restricted(person)
        before = person.get(f"{resource.path}?limit=10", expect=(200, 403))
        if before.status == 403:
            continue
        for_owners = any(word in resource.may("GET", "/{id}") for word in ("owner", "signed in"))
        own = {item["id"] for item in person.get(f"/v1/me/export/{resource.service}", expect=200).get(table, [])}
        listed = api.get(f"{resource.path}?limit=200", expect=(200, 403))
        listed = [item["id"] for item in listed.items] if listed.status == 200 else []
        for item in before.items:
            path = f"{resource.path}/{item['id']}"
            is_public = anyone.get(path, expect=(200, 401, 404)).status == 200
            answer = api.get(path, expect=(200, 403, 404))
            assert (answer.status == 200) == (is_public or (for_owners and item["id"] in own)), f"{path} {answer}"
        for found in listed[:20]:
            assert found in own or anyone.get(f"{resource.path}/{found}", expect=(200, 401, 404)).status == 200, found

"""A body that creates one row of any declared table: by type where that is enough, by recipe where rules ask for more."""
import json
import uuid

import declared
from client import Person, eventually
from nxt.home import SERVICES
from people import activate_profile, open_lead, staff
from stories import STORIES

PROFESSIONS = ("photographer", "tutor", "makeup_artist", "developer", "video_editor", "graphic_designer",
               "social_media_manager", "fitness_trainer", "catering_service", "ugc_content_creator")


def value(name, column, schema):
    """Something that fits the column; different at each call where it may be unique."""
    mark = uuid.uuid4().hex[:10]
    kind = column["type"]
    if kind == "enum":
        return column["values"].split(",")[0]
    if kind in ("int", "money"):
        return max(schema.get("minimum") or 0, min(schema.get("maximum") or 3, 3))
    if kind == "decimal":
        return "18.000"
    if kind == "text_array":
        return ["one", "two"]
    if kind == "email":
        return f"{mark}@example.com"
    if name == "slug":
        return f"a-{mark}"
    if kind == "text":
        return f"{name[:20]}_{mark}"[:schema.get("maxLength") or 100]
    return {"bool": True, "time": "2099-01-01T00:00:00Z", "date": "2099-01-01", "json": {"a": 1},
            "phone": "+9198" + str(uuid.uuid4().int)[:8], "url": "uploads/file.png",
            "uuid": str(uuid.uuid4())}[kind]


class Bodies:
    """Makes bodies and knows who sends them. People and parents are made at first need, once."""

    def __init__(self, env, cast):
        self.env, self.cast, self.made = env, cast, {}

    def once(self, what, make):
        if what not in self.made:
            self.made[what] = make()
        return self.made[what]

    # ---- people ----

    def professional(self):
        def make():
            person = Person(self.env, name="professional").register().sign_in()
            for key in PROFESSIONS:
                while person.post("/v1/user-roles", {"role_key": key}, expect=(201, 401)).status == 401:
                    person.refresh()  # the role before this one has made the token stale
            eventually("ten drafts", lambda: len(person.refresh().get(
                "/v1/user-role-profiles?user_id=me", expect=(200, 401)).get("items", [])) == 10)
            person.profiles = {p["role_key"]: p["id"] for p in person.get("/v1/user-role-profiles?user_id=me").items}
            return person
        return self.once("professional", make)

    def person(self, key):
        """One that has nothing of this kind yet."""
        return Person(self.env, name=key).register().sign_in()

    # ---- parents ----

    def department(self):
        return self.once("department", lambda: self.cast.admin.post(
            "/v1/departments", self.simple("departments"), expect=201)["id"])

    def role(self):
        return self.once("role", lambda: self.cast.admin.post("/v1/roles", {
            "key": f"made_{uuid.uuid4().hex[:8]}", "name": "Made", "audience": "INTERNAL"}, expect=201)["id"])

    def portfolio_item(self):
        return self.once("portfolio item", lambda: self.professional().post("/v1/portfolio-items", {
            "user_role_profile_id": self.professional().profiles["photographer"], "title": "Harvest"}, expect=201)["id"])

    def verification(self):
        return self.once("verification", lambda: self.professional().post("/v1/verification-requests", {
            "user_role_profile_id": self.professional().profiles["tutor"], "verification_type": "IDENTITY"}, expect=201)["id"])

    def dashboard(self):
        return self.once("dashboard", lambda: self.cast.admin.post(
            "/v1/dashboard-configs", self.for_table("dashboard_configs")[1], expect=201)["id"])

    def category(self):
        return self.once("category", lambda: self.cast.admin.post(
            "/v1/kb-categories", self.simple("kb_categories"), expect=201)["id"])

    def ticket(self):
        """(who, id) of somebody's open ticket."""
        def make():
            person = self.person("asker")
            return person, person.post("/v1/support-tickets", self.simple("support_tickets"), expect=201)["id"]
        return self.once("ticket", make)

    def ticket_message(self):
        person, ticket = self.ticket()
        return person, {"support_ticket_id": ticket, "message_body": "And another thing."}

    def template(self):
        """A text message for an event that has none yet."""
        have = {t["template_key"] for t in self.cast.admin.everything("/v1/notification-templates?limit=200")}
        free = sorted(k for k in (h.rsplit(".", 1)[0] + ".sms" for h in have) if k not in have)
        return {"template_key": free[0], "channel": "SMS", "body_template": "Something happened."}

    def free_setting(self):
        """A declared setting that nobody has set yet, at the value that it has anyway."""
        taken = {c["config_key"] for c in self.cast.admin.everything("/v1/runtime-configs?limit=200")}
        line = next(s for service in SERVICES for s in declared.printed(service, "settings") if s["key"] not in taken)
        return {"config_group": line["group"], "config_key": line["key"], "config_value_json": json.loads(line["initial"]),
                "reason": "A test of it."}

    def agent(self):
        return self.once("agent", lambda: staff(self.env, self.cast.admin, "support_agent").may("/v1/support-tickets"))

    def article(self):
        """Published, which takes a second person."""
        def make():
            made = self.cast.admin.post("/v1/kb-articles", self.for_table("kb_articles")[1], expect=201)["id"]
            self.agent().post(f"/v1/kb-articles/{made}/publish", expect=200)
            return made
        return self.once("article", make)

    def dealing(self):
        """Somebody who was offered a job and may now review the company."""
        person, company = self.person("hired"), self.cast.company
        job = self.once("live job", lambda: company.live_job()["id"])
        application = person.post("/v1/job-applications", {"job_id": job}, expect=201)
        company.post(f"/v1/job-applications/{application['id']}/offer", expect=200)
        return person, {"entity_type": "company", "entity_id": company.company_id, "rating": 4, "review_text": "Quick and fair."}

    def free_lead(self):
        """(professional, body): a lead that costs nothing, so that no wallet has a word in it."""
        admin, reviewer = self.cast.admin, self.cast.reviewer
        customer = self.once("customer", lambda: self.person("customer"))
        asker = self.once("asking professional", lambda: self.person("asking"))
        profile = self.once("asking profile", lambda: activate_profile(asker, reviewer, "makeup_artist"))
        self.once("rate card", lambda: self.set(admin, "marketplace.lead_rate_card", {"*": 10, "makeup_artist": 0}))
        lead = open_lead(customer, reviewer, profession_key="makeup_artist")
        eventually("the lead is free", lambda: asker.get(f"/v1/leads/{lead['id']}/price", expect=200)["coin_price"] == 0)
        return asker, {"lead_id": lead["id"], "user_role_profile_id": profile["id"]}

    def set(self, admin, key, value):
        """A setting made or changed."""
        found = admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
        body = {"config_value_json": value, "is_active": True, "reason": "A test of it."}
        if found:
            return admin.patch(f"/v1/runtime-configs/{found[0]['id']}", body, expect=200)
        return admin.post("/v1/runtime-configs", {"config_group": key.split(".")[0], "config_key": key, **body}, expect=201)

    # ---- rows ----

    def row(self, resource):
        """(who, item): a new one by POST or by its own story, or one that is there already; None where there is none."""
        return self.once(f"row of {resource.table}", lambda: self._row(resource))

    def _row(self, resource):
        made = self.for_table(resource.table) if resource.may("POST") else None
        if made is not None:
            who, body = made
            return who, who.post(resource.path, body, key=str(uuid.uuid4()), expect=201).json
        if resource.table in STORIES:
            return STORIES[resource.table](self)
        items = self.cast.admin.get(f"{resource.path}?limit=1", expect=200).items if resource.may("GET") else []
        return (self.cast.admin, items[0]) if items else None

    # ---- bodies ----

    def simple(self, table, **more):
        resource = declared.resource(table)
        schema = resource.body("create")
        needed = schema.get("required", [])
        return {**{n: value(n, resource.columns[n], schema["properties"][n]) for n in needed}, **more}

    def for_table(self, table):
        """(who, body), or None where a row comes about in another way only."""
        admin, recipe = self.cast.admin, self.RECIPES.get(table)
        if recipe is not None:
            return recipe(self)
        schema = declared.resource(table).body("create")
        return None if schema is None else (admin, self.simple(table))

    RECIPES = {
        "roles": lambda b: (b.cast.admin, b.simple("roles", key=f"made_{uuid.uuid4().hex[:8]}")),
        "role_permissions": lambda b: (b.cast.admin, {"role_id": b.role(), "permission_key": "jobs.read"}),
        "designations": lambda b: (b.cast.admin, b.simple("designations", department_id=b.department())),
        "employees": lambda b: (b.cast.admin, {"user_id": b.person("hand").id, "department_id": b.department()}),
        "user_settings": lambda b: (b.person("settler"), {"settings_json": {"notifications": {}}}),
        "dashboard_configs": lambda b: (b.cast.admin, {
            "dashboard_type": "INTERNAL", "owner_type": "USER", "owner_id": b.cast.admin.id, "name": f"Mine {uuid.uuid4().hex[:6]}",
            "layout_json": {"columns": 12}, "is_default": False}),
        "dashboard_widgets": lambda b: (b.cast.admin, b.simple(
            "dashboard_widgets", dashboard_config_id=b.dashboard(), widget_key="new_users")),
        "runtime_configs": lambda b: (b.cast.admin, b.free_setting()),
        "company_profiles": lambda b: (Person(b.env, "COMPANY").register().sign_in(), b.simple("company_profiles")),
        "customer_profiles": lambda b: (b.person("customer"), b.simple("customer_profiles", display_name="Asha")),
        "candidate_profiles": lambda b: (b.person("candidate"), b.simple("candidate_profiles", display_name="Asha")),
        "user_role_profiles": lambda b: (b.person("holder"), {"role_key": "tutor", "display_name": "Asha"}),
        "portfolio_items": lambda b: (b.professional(), {
            "user_role_profile_id": b.professional().profiles["photographer"], "title": "Monsoon", "tags": ["rain"]}),
        "portfolio_images": lambda b: (b.professional(), b.simple("portfolio_images", portfolio_item_id=b.portfolio_item())),
        "services": lambda b: (b.professional(), {
            "user_role_profile_id": b.professional().profiles["photographer"], "name": "Portrait", "price": 500000}),
        "verification_requests": lambda b: (b.professional(), {
            "user_role_profile_id": b.professional().profiles["developer"], "verification_type": "DOCUMENT"}),
        "verification_documents": lambda b: (b.professional(), b.simple(
            "verification_documents", verification_request_id=b.verification(), mime_type="image/png")),
        "approval_requests": lambda b: None,   # opened by a submission: stories.py
        "jobs": lambda b: (b.cast.company, {"company_profile_id": b.cast.company.company_id, "title": "Tester"}),
        "leads": lambda b: (b.person("customer"), {"profession_key": "photographer", "title": "A wedding", "location": "Pune",
                                                   "description": "Two days.", "budget_inr": 100, "required_date": "2099-01-01"}),
        "job_applications": lambda b: (b.person("candidate"), {
            "job_id": b.once("live job", lambda: b.cast.company.live_job()["id"]), "cover_note": "Me."}),
        "lead_requests": lambda b: b.free_lead(),
        "reviews": lambda b: b.dealing(),
        "orders": lambda b: None,              # their body is no row: stories.py
        "coupons": lambda b: (b.cast.admin, b.simple("coupons", code=f"C{uuid.uuid4().hex[:8].upper()}", discount_type="FLAT",
                                                     discount_value=100)),
        "discount_rules": lambda b: (b.cast.admin, b.simple("discount_rules", scope_type="CATEGORY", scope_id=str(uuid.uuid4()),
                                                            discount_type="FLAT", discount_value=1, is_active=False)),
        "tax_rules": lambda b: (b.cast.admin, b.simple("tax_rules", is_active=False)),
        "payment_gateway_configs": lambda b: (b.cast.admin, b.simple("payment_gateway_configs", is_active=False)),
        "notification_templates": lambda b: (b.cast.admin, b.template()),
        "kb_sections": lambda b: (b.cast.admin, b.simple("kb_sections", category_id=b.category())),
        "kb_articles": lambda b: (b.cast.admin, b.simple("kb_articles", category_id=b.category(), audience_type="ALL")),
        "kb_article_feedback": lambda b: (b.person("reader"), {"article_id": b.article(), "is_helpful": True}),
        "support_ticket_messages": lambda b: b.ticket_message(),
        "smtp_configs": lambda b: (b.cast.admin, b.simple("smtp_configs", is_active=False, is_default=False)),
        **{f"{p}_profiles": (lambda b, p=p: (b.professional(), {"user_role_profile_id": b.professional().profiles[p]}))
           for p in PROFESSIONS},
    }

"""PATCH is a merge-patch inside JSON columns too (RFC 7396), and what comes of it is judged as a whole."""
from test_identity_access import setting

HALF = "x" * 33000      # two of them are more than a JSON column holds


def test_what_a_patch_does_not_name_stays(cast):
    company = cast.company
    job = company.draft(salary_range_json={"min_inr": 1, "max_inr": 4})
    path = f"/v1/jobs/{job['id']}"
    for patch, merged in (({"max_inr": 5}, {"min_inr": 1, "max_inr": 5}),
                          ({"min_inr": None}, {"max_inr": 5}),
                          ({"period": "MONTH", "min_inr": None}, {"max_inr": 5, "period": "MONTH"}),
                          (None, None),
                          ({"max_inr": 7, "min_inr": None}, {"max_inr": 7})):
        stale = job.etag
        job = company.patch(path, {"salary_range_json": patch}, etag=stale, expect=200)
        assert job["salary_range_json"] == merged
        company.patch(path, {"salary_range_json": {"max_inr": 1}}, etag=stale, expect=412).says("stale_etag")
    assert company.patch(path, {"salary_range_json": {"max_inr": 7}}, etag=job.etag, expect=200).etag == job.etag


def test_a_patch_reaches_into_a_value_as_deep_as_it_goes(person):
    def patch(layout):
        return person.patch(path, {"layout_json": layout}, expect=200)["layout_json"]
    board = person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "Deep", "layout_json": {"a": 5}}, expect=201)
    path = f"/v1/dashboard-configs/{board['id']}"
    assert patch({"b": {"c": True, "d": None}}) == {"a": 5, "b": {"c": True}}
    assert patch({"b": {"e": False}}) == {"a": 5, "b": {"c": True, "e": False}}
    assert patch({"b": [1, {"f": None}]}) == {"a": 5, "b": [1, {"f": None}]}


def test_a_patch_of_a_dashboard_moves_one_value(person):
    board = person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "A",
                                                  "layout_json": {"columns": 6, "theme": "chalk"}}, expect=201)
    path = f"/v1/dashboard-configs/{board['id']}"
    assert person.patch(path, {"layout_json": {"theme": None}}, expect=200)["layout_json"] == {"columns": 6}
    person.patch(path, {"layout_json": {"a": HALF}}, expect=200)
    refused = person.patch(path, {"layout_json": {"b": HALF}}, expect=422).says("validation_failed", "/layout_json")
    assert refused["errors"][0]["code"] == "too_long"
    person.patch(path, {"layout_json": {"a": None, "b": HALF}}, expect=200)


def test_settings_do_not_grow_beyond_their_limit(person):
    def patch(settings, expect):
        return person.patch("/v1/me/settings", {"settings_json": settings}, expect=expect)
    assert patch({"a": HALF, "n": {"x": None}}, 200)["settings_json"] == {"a": HALF, "n": {}}
    patch({"b": HALF}, 422).says("validation_failed", "/settings_json")
    assert set(patch({"a": None, "b": HALF, "n": {"y": 1}}, 200)["settings_json"]) == {"b", "n"}
    many = {f"k{i}": [0] * 9000 for i in range(2)}  # small as a text, too many values to be read again
    patch({"b": None, **many}, 200)
    patch({"k2": [0] * 9000}, 422).says("validation_failed", "/settings_json")


def test_a_setting_is_merged_and_then_held_against_its_schema(admin, sql):
    key = "finance.supplier"
    path = f"/v1/runtime-configs/{setting(admin, sql, key, {'name': 'Nxtgauge', 'state_code': '29'})}"

    def patch(value, expect=200):
        return admin.patch(path, {"config_value_json": value, "reason": "A test of it."}, expect=expect)
    assert patch({"name": "Nxtgauge Ltd"})["config_value_json"] == {"name": "Nxtgauge Ltd", "state_code": "29"}
    patch({"state_code": None}, 422).says("validation_failed", "/config_value_json/state_code")
    patch({"name": 1}, 422).says("validation_failed", "/config_value_json/name")
    admin.patch(path, {"is_active": False, "reason": "The test is over."}, expect=200)

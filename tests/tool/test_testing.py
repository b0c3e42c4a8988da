"""What counts as a finding."""
from collections import deque

from nxt.testing import LANES, PARTS, _is_nginx, _next, _without_remarks

REMARK = "==5249==WARNING: ASan doesn't fully support makecontext/swapcontext functions and may produce false positives in some cases!\n"


def test_a_sanitizers_remark_on_ucontext_is_no_finding():
    assert _without_remarks(REMARK) == ""


def test_what_stands_beside_the_remark_is():
    finding = "==5249==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010"
    assert _without_remarks(REMARK + finding) == finding


def test_nginx_is_excused_for_what_it_does_and_no_more():
    assert _is_nginx("150 headers", "answered 400, connection left open")
    assert not _is_nginx("150 headers", "accepted with 200")
    assert _is_nginx("header without colon", "accepted with 200")
    assert not _is_nginx("header without colon", "answered the smuggled request: [200, 200]")
    assert _is_nginx("endless trailers", "accepted with 200")
    assert not _is_nginx("endless trailers", "smuggled request answered")
    assert not _is_nginx("two hosts", "answered 400, connection left open")


def test_every_part_has_one_lane():
    assert sorted(sum(LANES, ())) == sorted(PARTS)


def test_who_is_done_takes_the_last_of_the_others():
    mine, others = deque(["one"]), deque(["first", "last"])
    assert [_next(mine, others) for _ in range(4)] == ["one", "last", "first", None]

"""What counts as a finding."""
from nxt.testing import _without_remarks

REMARK = "==5249==WARNING: ASan doesn't fully support makecontext/swapcontext functions and may produce false positives in some cases!\n"


def test_a_sanitizers_remark_on_ucontext_is_no_finding():
    assert _without_remarks(REMARK) == ""


def test_what_stands_beside_the_remark_is():
    finding = "==5249==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010"
    assert _without_remarks(REMARK + finding) == finding

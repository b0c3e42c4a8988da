"""The words of ./nxt chaos; nothing here needs a package, so that --help works on a fresh machine."""
import argparse

SIZES = ("small", "medium", "full")


def parser(rows=(), about="its rows, R1 to R14, tell of themselves when they run"):
    p = argparse.ArgumentParser(prog="./nxt chaos", description="Harm a running copy of its own, and look for what was lost.",
                                epilog=about)
    p.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(rows) or 'R1 to R14'}; without any all")
    p.add_argument("--seed", help="repeats the choices of a run; NXT_CHAOS_SEED")
    p.add_argument("--size", choices=SIZES, default="medium", help="small takes minutes, full hours")
    p.add_argument("--json", metavar="FILE", help="also write what was found there")
    p.add_argument("--record", action="store_true", help="add what was found to docs/chaos/history.jsonl")
    p.add_argument("--preset", default="dev", help="R2 needs one with fail points: dev or asan")
    return p

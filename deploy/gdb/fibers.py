"""gdb: list parked fibers and walk their stacks.

    gdb -p PID -x deploy/gdb/fibers.py
    (gdb) fibers            every fiber alive: name, state, what it waits for
    (gdb) fibers bt         the same with the stack of each parked fiber
"""
import gdb

STATES = {0: "runnable", 1: "running", 2: "parked"}


def fibers():
    fiber = gdb.parse_and_eval("fibers.all")
    while fiber != 0:
        yield fiber
        fiber = fiber["all_next"]


def registers_of(fiber):
    """rsp, rbp, rip as libcommon/fiber_context.c leaves them on x86-64: r15 to r12, rbx, rbp, return address."""
    sp = int(fiber["context"]["sp"])
    saved = gdb.parse_and_eval(f"(long *){sp}")
    return sp + 56, int(saved[5]), int(saved[6])


def backtrace(fiber):
    names = ("rsp", "rbp", "rip")
    before = [int(gdb.parse_and_eval("(long)$" + n)) for n in names]
    try:
        for name, value in zip(names, registers_of(fiber)):
            gdb.execute(f"set ${name} = {value}", to_string=True)
        return gdb.execute("bt", to_string=True)
    finally:
        for name, value in zip(names, before):
            gdb.execute(f"set ${name} = {value}", to_string=True)


class Fibers(gdb.Command):
    """fibers [bt]: the daemon's fibers, and with bt what each is waiting in."""

    def __init__(self):
        super().__init__("fibers", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        for fiber in fibers():
            state = STATES.get(int(fiber["state"]), "?")
            why = fiber["why"].string() if fiber["why"] != 0 else ""
            print(f"{fiber}  {fiber['name'].string():<12} {state:<9} {why}")
            if argument.strip() == "bt" and state == "parked":
                print(backtrace(fiber))


Fibers()

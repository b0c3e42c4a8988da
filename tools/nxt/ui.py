"""What a person sees: one line per thing done, and one kind of error that is no bug."""
import os
import sys
import time
from contextlib import contextmanager


class NxtError(Exception):
    """Something a person can do something about; printed without a traceback."""


def say(text):
    """A reader who left (`./nxt up | head`) is no reason to stop halfway."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def step(name):
    """Prints `name  what was reported  (seconds)` when the block ends; the block may call note()."""
    begun, notes = time.monotonic(), []
    if sys.stdout.isatty():
        print(f"  {name} …", end="\r", flush=True)
    yield notes.append
    say(f"  {name:<14} {'; '.join(notes) or 'done'} ({time.monotonic() - begun:.1f} s)")


def wait_until(check, seconds, what, pause=0.03):
    """The first true value of check(); NxtError when the deadline passes without one."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise NxtError(f"{what}: not within {seconds} s")
        time.sleep(pause)

"""Ids as the services make them."""
import random
import uuid


def new_uuid7(milliseconds):
    """The time in front (RFC 9562); audit lays a row into the month of its id."""
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64
                     | 2 << 62 | random.getrandbits(62))

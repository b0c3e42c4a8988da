"""The broker's own warming: its JVM compiles what it runs often, for minutes, at the load's expense."""
from cpu import Spent

ENOUGH = 0.9  # warm is who costs no less than so much of the cheapest round before, twice in a row …
ROUNDS = range(10, 18)  # … after so many: the second compiler begins late


def warm(world, load):
    """Runs load(), which returns how many events it made, until the broker is warm. Returns each round's us per event."""
    costs = []
    while len(costs) < ROUNDS.start or len(costs) in ROUNDS and min(costs[-2:]) < ENOUGH * min(costs[:-2]):
        with Spent(world) as spent:
            events = load()
        costs.append(spent.per(events).get("kafka", 0))
    return costs

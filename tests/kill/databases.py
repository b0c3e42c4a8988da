"""The six databases, as their owners see them."""
import psycopg
from psycopg.rows import dict_row


class Databases:
    """Called with a service and a statement (a per cent sign is written twice); gives rows as dicts."""

    def __init__(self, env):
        self.env, self.open = env, {}

    def __call__(self, service, statement, *values):
        for again in (True, False):
            try:
                if service not in self.open:
                    self.open[service] = psycopg.connect(self.env[f"NXT_DB_{service.upper()}"], autocommit=True,
                                                         row_factory=dict_row)
                cursor = self.open[service].execute(statement, values)
                return cursor.fetchall() if cursor.description is not None else []
            except psycopg.OperationalError:
                self.open.pop(service, None)
                if not again:
                    raise

    def each(self, service, statement, *values):
        """The rows of a call, one by one: of tables that no memory holds."""
        with psycopg.connect(self.env[f"NXT_DB_{service.upper()}"], row_factory=dict_row) as db, db.cursor("each") as cursor:
            cursor.itersize = 10_000
            yield from cursor.execute(statement, values)

    def close(self):
        for connection in self.open.values():
            connection.close()

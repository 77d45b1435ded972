"""Confluent's own client for Python, unmodified, against the gateway: what it is told must be right.

Arguments: the gateway's file of addresses. The keys are in the environment.
"""

import json
import os
import sys
import time

import confluent_sql
from confluent_sql.execution_mode import ExecutionMode

LIMIT = 120


def connected():
    with open(sys.argv[1], encoding="utf-8") as file:
        at = json.load(file)
    return confluent_sql.connect(
        endpoint=at["url"],
        controlplane_endpoint=at["url"],
        flink_api_key=os.environ["CC_FLINK_KEY"],
        flink_api_secret=os.environ["CC_FLINK_SECRET"],
        connect_api_key=os.environ["CC_CLOUD_KEY"],
        connect_api_secret=os.environ["CC_CLOUD_SECRET"],
        environment_id=at["environment"]["id"],
        organization_id=at["organization"],
        compute_pool_id=at["compute_pool"],
        database=at["cluster"]["name"],
    )


def until(what, look):
    """The first value of `look` that holds."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {LIMIT} s for {what}")


def rows(cursor, count):
    """So many rows of a stream, as the client decodes them."""
    found = []

    def look():
        found.extend(cursor.fetchmany(100))
        return len(found) >= count

    until(f"{count} rows; there are {found}", look)
    return found


def told(row):
    """`+I (1, 'a')` of a row with what it does."""
    return f"{row.op} {tuple(row.row)}"


def check(is_right, what):
    if not is_right:
        raise AssertionError(what)


def tables(connection):
    connection.execute_snapshot_ddl(
        "CREATE TABLE orders (id INT, amount DECIMAL(10, 2), placed TIMESTAMP(3))"
        " DISTRIBUTED BY HASH(id) INTO 2 BUCKETS"
    )
    connection.execute_snapshot_ddl(
        "CREATE TABLE totals (id INT, total DECIMAL(38, 2), PRIMARY KEY (id) NOT ENFORCED)"
        " DISTRIBUTED BY HASH(id) INTO 1 BUCKETS"
    )
    with connection.closing_cursor() as cursor:
        cursor.execute("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES ORDER BY TABLE_NAME")
        found = [row[0] for row in cursor.fetchall()]
    check(found == ["orders", "totals"], f"the catalogue has {found}")
    with connection.closing_cursor() as cursor:
        cursor.execute("SHOW TABLES")
        found = [row[0] for row in cursor.fetchall()]
    check(found == ["orders", "totals"], f"SHOW TABLES gives {found}")
    try:
        connection.execute_snapshot_ddl("CREATE TABLE orders (id INT)")
    except confluent_sql.OperationalError as refused:
        check("orders" in str(refused), f"a second table is refused with: {refused}")
    else:
        raise AssertionError("a table was made twice")


def insert(connection, values):
    with connection.closing_cursor() as cursor:
        cursor.execute(f"INSERT INTO orders VALUES {values}")


def stream(connection):
    """A changelog with retractions, the values of each type."""
    insert(connection, "(1, 1.50, TIMESTAMP '2026-01-08 12:00:00.5')")
    with connection.closing_streaming_cursor() as cursor:
        cursor.execute("SELECT id, amount, placed FROM orders WHERE id = 1")
        (row,) = rows(cursor, 1)
        row = tuple(getattr(row, "row", row))
        check(str(row) == "(1, Decimal('1.50'), datetime.datetime(2026, 1, 8, 12, 0, 0, 500000))", row)
    with connection.closing_streaming_cursor() as cursor:
        cursor.execute("SELECT id, SUM(amount) AS total FROM orders GROUP BY id")
        first = [told(row) for row in rows(cursor, 1)]
        insert(connection, "(1, 2.00, TIMESTAMP '2026-01-08 12:00:01')")
        then = [told(row) for row in rows(cursor, 2)]
        check(first == ["+I (1, Decimal('1.50'))"], first)
        check(then == ["-U (1, Decimal('1.50'))", "+U (1, Decimal('3.50'))"], then)


def offsets(connection, name):
    status = connection.get_statement(name).status
    return status.get("latest_offsets", {}).get("orders", "")


def read_up_to(text):
    return sum(int(part.split("offset:")[1]) + 1 for part in text.split(";") if part)


def ends(connection):
    """A statement that writes: followed, stopped, resumed, deleted."""
    statement = connection.execute_streaming_ddl(
        "CREATE TABLE copy (PRIMARY KEY (id) NOT ENFORCED) DISTRIBUTED BY HASH(id) INTO 1 BUCKETS"
        " AS SELECT id, amount FROM orders",
        statement_name="copy-of-orders",
        statement_labels=["mine"],
    )
    name = statement.name
    until("offsets", lambda: read_up_to(offsets(connection, name)) >= 2)
    stopped = connection.stop_statement(name)
    check(stopped.is_stopped, f"after a stop it is {stopped.phase}")
    insert(connection, "(2, 7.00, TIMESTAMP '2026-01-08 12:00:02')")
    resume(connection, name)
    until("it to run again", lambda: connection.get_statement(name).is_running)
    until("all offsets", lambda: read_up_to(offsets(connection, name)) >= 3)
    with connection.closing_streaming_cursor() as cursor:
        cursor.execute("SELECT id, amount FROM copy")
        found = {tuple(row.row) for row in rows(cursor, 2) if str(row.op) in ("+I", "+U")}
    check({row[0] for row in found} == {1, 2}, found)
    listed = [one.name for one in connection.list_statements(label="mine")]
    check(listed == [name], f"with the label are {listed}")
    connection.delete_statement(name)

    def gone():
        try:
            connection.get_statement(name)
        except confluent_sql.StatementNotFoundError:
            return True
        return False

    until("the statement to be gone", gone)


def resume(connection, name):
    """The client has no call for it: what it would send is a PATCH."""
    patch = [{"op": "replace", "path": "/spec/stopped", "value": False}]
    connection._request(
        f"/statements/{name}",
        method="PATCH",
        content=json.dumps(patch),
        headers={"Content-Type": "application/json-patch+json"},
    )


def refusals(connection):
    for sql, part in [
        ("SELECT nothing FROM orders", "nothing"),
        ("SELECT * FROM no_such_table", "no_such_table"),
        ("INSERT INTO orders SELECT 1", "orders"),
    ]:
        with connection.closing_cursor(mode=ExecutionMode.STREAMING_QUERY) as cursor:
            try:
                cursor.execute(sql)
            except confluent_sql.Error as refused:
                check(part in str(refused), f"{sql} is refused with: {refused}")
            else:
                raise AssertionError(f"{sql} was not refused")
    dry = connection.dry_run_statement("SELECT id, COUNT(*) AS n FROM orders GROUP BY id")
    names = [column.name for column in dry.schema.columns]
    check(names == ["id", "n"] and not dry.is_append_only, f"a dry run gives {names}")


def main():
    connection = connected()
    for step in (tables, stream, ends, refusals):
        step(connection)
        print(f"{step.__name__}: as it should be", flush=True)
    connection.execute_snapshot_ddl("DROP TABLE copy")
    connection.close()


main()

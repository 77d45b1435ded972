"""A pipeline of all hops on the live stack, and what can be broken of it."""

import contextlib
import functools
import http.server
import os
import pathlib
import signal
import subprocess
import threading
import time

import stack
import watch

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOOD = ROOT / "scenarios/order/commit-order-counts-not-write-order.yaml"
BAD = ROOT / "tests/outcomes/a-swapped-column.yaml"
TABLES = """
CREATE TABLE orders (id bigserial PRIMARY KEY, ms bigint NOT NULL DEFAULT extract(epoch FROM clock_timestamp()) * 1000);
CREATE TABLE large (id int PRIMARY KEY);
INSERT INTO large VALUES (1);
CREATE TABLE ballast (text text)
"""
ROW = "INSERT INTO orders DEFAULT VALUES"
# Some bytes of WAL that no connector reads.
BALLAST = "INSERT INTO ballast SELECT repeat(md5(i::text), 30) FROM generate_series(1, {}) AS i"
PREDICT = {"account_number": "A1", "amount": 12.5, "merchant": "M1", "location": "BERLIN", "tx_time": "2026-01-08T12:00:00Z"}


class Score:
    """The scoring service, and somebody who asks it."""

    AT = "127.0.0.1:8088"

    def __init__(self, program):
        self.program, self.running = program, None
        self.asks = True
        self.start()
        threading.Thread(target=self.ask, daemon=True).start()

    def start(self, *manners):
        self.end()
        command = [self.program, "score", "serve", "--no-token", "--listen", self.AT, *manners]
        self.running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        if self.running:
            self.running.kill()
            self.running.wait()

    def ask(self):
        number = 0
        while self.asks:
            number += 1
            with contextlib.suppress(OSError, AssertionError):
                stack.call("POST", f"http://{self.AT}/predict", {**PREDICT, "txn_id": f"T{number}"})
            time.sleep(0.1)


class Writer:
    """Writes a row into `orders` again and again."""

    def __init__(self, live):
        self.live, self.psql, self.is_on = live, live.psql(), True
        threading.Thread(target=self.write, daemon=True).start()

    def write(self):
        while self.psql.poll() is None:
            if self.is_on:
                with contextlib.suppress(BrokenPipeError):
                    self.psql.stdin.write(f"{ROW};\n")
                    self.psql.stdin.flush()
            time.sleep(0.2)


class Pipeline:
    """Postgres, Debezium, Kafka, Flink, the scoring service and a server of verdicts, all well."""

    def __init__(self, live):
        self.live = live

    def orders(self, behind=0, start="latest-offset"):
        """The topic of `orders` as an append-only table whose clock is some milliseconds behind."""
        return f"""CREATE TABLE orders (`after` ROW<id BIGINT, ms BIGINT>, t AS TO_TIMESTAMP_LTZ(`after`.ms - {behind}, 3), WATERMARK FOR t AS t - INTERVAL '1' SECOND)
            WITH ('connector' = 'kafka', 'topic' = 'watched.public.orders', 'properties.bootstrap.servers' = '{self.live.kafka}', 'scan.startup.mode' = '{start}', 'format' = 'json')"""

    def counting(self, name, behind=0):
        """A job that counts rows in windows of a second."""
        sink = "CREATE TABLE counts (w TIMESTAMP(3), n BIGINT) WITH ('connector' = 'blackhole')"
        count = "INSERT INTO counts SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(t), INTERVAL '1' SECOND)) GROUP BY window_start, window_end"
        return self.live.job(name, [self.orders(behind), sink, count])

    def computing(self, name, expression, **options):
        """A job that computes something of each row that there ever was."""
        sink = "CREATE TABLE computed (v STRING) WITH ('connector' = 'blackhole')"
        return self.live.job(name, [self.orders(start="earliest-offset"), sink, f"INSERT INTO computed SELECT {expression} FROM orders"], **options)

    def serve_verdicts(self):
        handler = functools.partial(Quiet, directory=self.served)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 9095), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hide_verdicts(self):
        self.server.shutdown()
        self.server.server_close()

    def verdicts(self, scenario):
        self.live.verdicts(scenario, self.served / "verdicts.prom")

    def __enter__(self):
        live = self.live
        self.served = live.folder / "served"
        self.served.mkdir()
        self.serve_verdicts()
        self.score = Score(live.program)
        live.sql("CREATE DATABASE watched", database="postgres")
        live.sql(TABLES.strip())
        self.writer = Writer(live)
        live.connector("watched", "public.orders")
        running = lambda: stack.call("GET", f"{live.connect}/connectors/watched/topics")["watched"]["topics"]
        watch.until("the connector writes its topic", lambda: "watched.public.orders" in running())
        self.windows = self.counting("windows")
        # Only what failed has findings to show.
        self.verdicts(BAD)
        return self

    def __exit__(self, *_):
        self.score.asks = False
        self.score.end()
        self.writer.psql.kill()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nobody reads it."""


class Break:
    """What can be broken: the alerts that it must raise, and those that it may."""

    fires, may = set(), set()

    @staticmethod
    def breaks(pipeline):
        raise NotImplementedError

    @staticmethod
    def mends(pipeline):
        raise NotImplementedError


class StoppedConnector(Break):
    """A connector is stopped while the database goes on; then it reads a change that is old."""

    fires = {"SlotLagBytes", "WalRetained", "SlotWithoutReader", "ConnectorWithoutTask"}
    may = {"SlotLagSeconds"}

    @staticmethod
    def breaks(pipeline):
        stack.call("PUT", f"{pipeline.live.connect}/connectors/watched/stop")
        pipeline.live.sql(BALLAST.format(80_000))

    @staticmethod
    def mends(pipeline):
        stack.call("PUT", f"{pipeline.live.connect}/connectors/watched/resume")


class OldChange(Break):
    """A connector reads a change that was committed long ago."""

    fires = {"SlotLagSeconds"}
    may = StoppedConnector.fires

    @staticmethod
    def breaks(pipeline):
        pipeline.writer.is_on = False
        stack.call("PUT", f"{pipeline.live.connect}/connectors/watched/stop")
        time.sleep(1)
        pipeline.live.sql(ROW)
        time.sleep(10)
        stack.call("PUT", f"{pipeline.live.connect}/connectors/watched/resume")

    @staticmethod
    def mends(pipeline):
        pipeline.writer.is_on = True


class FailedTask(Break):
    """A transform refuses every record, and the task ends."""

    fires = {"ConnectorNotRunning"}
    may = {"SlotWithoutReader", "ConnectorWithoutTask"}
    more = {}

    @classmethod
    def breaks(cls, pipeline):
        key = {"transforms": "key", "transforms.key.type": "org.apache.kafka.connect.transforms.ValueToKey", "transforms.key.fields": "nobody"}
        pipeline.live.connector("broken", "public.orders", **key, **cls.more)

    @staticmethod
    def mends(pipeline):
        pipeline.live.remove_connector("broken")


class LeftOut(FailedTask):
    """A transform refuses every record, and the task leaves them out."""

    fires, may = {"DeadLetters"}, {"SlotWithoutReader"}
    more = {"errors.tolerance": "all"}


class Restarts(Break):
    """A connector is restarted again and again."""

    fires = {"ConnectorRestarts"}
    # Each start takes a while.
    may = {"ConnectorNotRunning", "ConnectorWithoutTask", "SlotWithoutReader"}

    @staticmethod
    def breaks(pipeline):
        for _ in range(6):
            stack.call("POST", f"{pipeline.live.connect}/connectors/watched/restart?includeTasks=true")
            # Some rows must come between two starts.
            time.sleep(2)

    @staticmethod
    def mends(pipeline):
        pass


class LongSnapshot(Break):
    """A snapshot waits for a table that somebody has locked."""

    fires = {"SnapshotRuns"}
    may = {"SlotWithoutReader"}

    @classmethod
    def breaks(cls, pipeline):
        live = pipeline.live
        # Before the lock: making either would wait for it.
        live.sql("CREATE PUBLICATION long FOR TABLE large", "SELECT pg_create_logical_replication_slot('long', 'pgoutput')")
        cls.lock = live.psql()
        cls.lock.stdin.write("BEGIN; LOCK TABLE large IN ACCESS EXCLUSIVE MODE;\n")
        cls.lock.stdin.flush()
        live.connector("long", "public.large", **{"publication.autocreate.mode": "disabled"})

    @classmethod
    def mends(cls, pipeline):
        cls.lock.kill()
        pipeline.live.remove_connector("long")


class SlowJob(Break):
    """A job takes long for each row: it falls behind, and its checkpoints come too late."""

    fires = {"SourceBacklog", "CheckpointsStopped", "CheckpointsFail"}

    @classmethod
    def breaks(cls, pipeline):
        options = {"execution.checkpointing.timeout": "500ms", "execution.checkpointing.tolerable-failed-checkpoints": "1000"}
        pipeline.live.sql("INSERT INTO orders (id) SELECT nextval('orders_id_seq') FROM generate_series(1, 8000)")
        # Some seconds a row: between two rows a checkpoint passes.
        digests = " || ".join(f"SHA256(REPEAT(CAST(`after`.id AS STRING), 5000000 + {number}))" for number in range(30))
        cls.job = pipeline.computing("slow", digests, **options)

    @classmethod
    def mends(cls, pipeline):
        pipeline.live.cancel(cls.job)


class FailingJob(Break):
    """A job fails at each row, and is restarted."""

    fires = {"JobRestarts"}
    may = {"CheckpointsStopped", "CheckpointsFail"}

    @classmethod
    def breaks(cls, pipeline):
        strategy = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "1000", "restart-strategy.fixed-delay.delay": "500ms"}
        cls.job = pipeline.computing("failing", "CAST(CAST('x' || CAST(`after`.id AS STRING) AS INT) AS STRING)", **strategy)

    @classmethod
    def mends(cls, pipeline):
        pipeline.live.cancel(cls.job)


class OldTimes(Break):
    """A job reads rows of an hour ago."""

    fires = {"WatermarkBehind"}
    # A job begins without a checkpoint, and refuses those that come before all of it runs.
    may = {"CheckpointsStopped", "CheckpointsFail"}

    @classmethod
    def breaks(cls, pipeline):
        cls.job = pipeline.counting("behind", 3_600_000)

    @classmethod
    def mends(cls, pipeline):
        pipeline.live.cancel(cls.job)


class LateRow(Break):
    """Rows come an hour late."""

    fires = {"LateRowsDropped"}

    @staticmethod
    def breaks(pipeline):
        pipeline.live.sql("INSERT INTO orders (ms) SELECT extract(epoch FROM now()) * 1000 - 3600000")

    @staticmethod
    def mends(pipeline):
        pass


class StoppedTaskManager(Break):
    """The TaskManager stands still."""

    fires = {"TargetDown", "CheckpointsStopped"}

    @staticmethod
    def breaks(pipeline):
        os.kill(pipeline.live.pid("taskmanager"), signal.SIGSTOP)

    @staticmethod
    def mends(pipeline):
        os.kill(pipeline.live.pid("taskmanager"), signal.SIGCONT)


class RefusingScore(Break):
    """The scoring service refuses."""

    fires = {"ScoreErrors"}
    manners = ["--fail-first", "1000"]

    @classmethod
    def breaks(cls, pipeline):
        pipeline.score.start(*cls.manners)

    @staticmethod
    def mends(pipeline):
        pipeline.score.start()


class SlowScore(RefusingScore):
    """The scoring service is slow."""

    fires = {"ScoreSlow"}
    manners = ["--delay", "1500ms"]


class WrongVerdict(Break):
    """A statement swaps two columns, and a run says so."""

    fires = {"VerdictFailed"}
    # A run asks for checkpoints at once, also while its job is about to start.
    may = {"CheckpointsFail"}

    @staticmethod
    def breaks(pipeline):
        pipeline.verdicts(BAD)

    @staticmethod
    def mends(pipeline):
        pipeline.verdicts(GOOD)


class NoVerdict(Break):
    """No verdict comes."""

    fires = {"VerdictMissing"}
    may = {"TargetDown"}

    @staticmethod
    def breaks(pipeline):
        pipeline.hide_verdicts()

    @staticmethod
    def mends(pipeline):
        pipeline.serve_verdicts()


class LostSlot(Break):
    """A slot that nobody reads keeps more WAL than it may."""

    fires = {"SlotLost", "SlotWithoutReader"}
    may = {"SlotLagBytes", "WalRetained"}

    @staticmethod
    def breaks(pipeline):
        live = pipeline.live
        live.sql("SELECT pg_create_logical_replication_slot('lost', 'pgoutput')", "ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'", "SELECT pg_reload_conf()")
        # The slot that is read must keep up, or it would be lost as well.
        lag = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) < 20000000 FROM pg_replication_slots WHERE slot_name = 'watched'"
        for _ in range(20):
            live.sql(BALLAST.format(10_000), "SELECT pg_switch_wal()", "CHECKPOINT")
            if live.sql("SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'lost'") == "lost":
                break
            watch.until("the connector keeps up", lambda: live.sql(lag) == "t")

    @staticmethod
    def mends(pipeline):
        pipeline.live.sql("SELECT pg_drop_replication_slot('lost')", "ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")


ALL = [SlowJob, Restarts, WrongVerdict, NoVerdict, LateRow, OldTimes, FailingJob, StoppedTaskManager, FailedTask, LeftOut, RefusingScore, SlowScore, StoppedConnector, OldChange, LostSlot, LongSnapshot]

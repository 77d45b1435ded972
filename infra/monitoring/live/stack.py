"""The live stack: where its parts are, and the few calls that a pipeline on it needs."""

import json
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request


def call(method, url, body=None):
    """One call of a REST API; what it answers, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read().decode()[:2000]}") from error
    return json.loads(text) if text else None


class Live:
    """A stack with metrics that runs, and the program that started it."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        (record,) = (folder / "state" / "own").glob("*/stack.json")
        self.record = json.loads(record.read_text())
        reach = self.record["reach"]
        self.connect, self.flink, self.gateway = (reach[name]["url"] for name in ("connect", "flink", "gateway"))
        self.kafka = reach["kafka"]["outside"]["bootstrap"]
        at = reach["postgres"]["at"]["outside"]
        self.postgres = {"host": at["host"], "port": at["port"], "user": reach["postgres"]["user"], "password": reach["postgres"]["password"]}

    def pid(self, component):
        return next(one["process"]["pid"] for one in self.record["components"] if one["name"] == component)

    def psql(self, database="watched"):
        """psql, which is told statements line by line."""
        at = self.postgres
        environment = {**os.environ, "PGPASSWORD": at["password"]}
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-h", at["host"], "-p", str(at["port"]), "-U", at["user"], database]
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def sql(self, *statements, database="watched"):
        """Statements, each on its own; what the last of them printed."""
        running = self.psql(database)
        said, _ = running.communicate("".join(f"{statement};\n" for statement in statements))
        assert running.returncode == 0, said
        return said.strip()

    def connector(self, name, tables, **more):
        """Debezium's connector for some tables."""
        at = self.postgres
        config = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "plugin.name": "pgoutput",
            "database.hostname": at["host"],
            "database.port": str(at["port"]),
            "database.user": at["user"],
            "database.password": at["password"],
            "database.dbname": "watched",
            "topic.prefix": name,
            "slot.name": name,
            "publication.name": name,
            "publication.autocreate.mode": "filtered",
            "table.include.list": tables,
            "heartbeat.interval.ms": "300",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "key.converter.schemas.enable": "false",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
            "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "1",
            **more,
        }
        call("PUT", f"{self.connect}/connectors/{name}/config", config)

    def remove_connector(self, name):
        """Ends a connector, with its slot and its publication."""
        call("DELETE", f"{self.connect}/connectors/{name}")
        dropped = f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{name}' AND NOT active"
        for _ in range(100):
            self.sql(dropped)
            if self.sql(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{name}'") == "0":
                break
        self.sql(f"DROP PUBLICATION IF EXISTS {name}")

    def job(self, name, statements, **options):
        """A job of Flink: all statements but the last make tables. Gives its id."""
        properties = {"pipeline.name": name, "execution.checkpointing.interval": "300ms", **options}
        session = call("POST", f"{self.gateway}/v3/sessions", {"properties": properties})["sessionHandle"]
        at = f"{self.gateway}/v3/sessions/{session}"
        job = None
        for statement in statements:
            operation = call("POST", f"{at}/statements", {"statement": statement})["operationHandle"]
            token = 0
            while True:
                answer = call("GET", f"{at}/operations/{operation}/result/{token}?rowFormat=JSON")
                job = answer.get("jobID") or job
                if answer["resultType"] == "EOS":
                    break
                token += answer["resultType"] == "PAYLOAD"
        call("DELETE", at)
        return job

    def cancel(self, job):
        call("PATCH", f"{self.flink}/jobs/{job}?mode=cancel")

    def verdicts(self, scenario, file):
        """Runs a scenario on this stack, and leaves its figures where Prometheus finds them."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        command = [pathlib.Path(self.program).resolve(), "run", "--metrics", "--format", "openmetrics", scenario]
        done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode in (0, 10), f"exit code {done.returncode}: {done.stderr}"
        part = self.folder / "part"
        part.write_text(done.stdout)
        shutil.move(part, file)

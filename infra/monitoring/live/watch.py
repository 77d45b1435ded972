"""Prometheus on the files of this repository, a hundred times as fast, and what it says."""

import contextlib
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request

AT = "http://127.0.0.1:9090"
# A minute becomes so many milliseconds.
MINUTE = 600
INTERVAL = "500ms"
# How long something may take to be seen, in seconds: the longest alert waits for 36.
LIMIT = 90
# How long nothing may be seen while nothing is broken: longer than any alert but that of the snapshot waits.
SILENCE = 15


def faster(duration):
    """A duration of a rule."""
    number, unit = int(duration[:-1]), duration[-1]
    return f"{number * {'s': 1 / 60, 'm': 1, 'h': 60}[unit] * MINUTE:.0f}ms"


def rules(text, smaller):
    """Rules whose durations are shorter and whose thresholds are smaller. The names of records stay."""
    text = re.sub(r"for: (\d+[smh])\n", lambda found: f"for: {faster(found[1])}\n", text)
    text = re.sub(r"\[(\d+[smh])\]", lambda found: f"[{faster(found[1])}]", text)
    for alert, (theirs, ours) in smaller.items():
        before = text
        text = re.sub(rf"(- alert: {alert}\n +expr: .*?){re.escape(theirs)}\n", rf"\g<1>{ours}\n", text)
        assert before != text, f"{alert} has no threshold {theirs}"
    return text


def configure(here, folder, smaller):
    """Writes what Prometheus reads: prometheus.yml without Confluent Cloud and Alertmanager, and the rules."""
    (folder / "rules").mkdir(exist_ok=True)
    alerts = (here / "rules/alerts.yml").read_text()
    (folder / "rules/alerts.yml").write_text(rules(alerts, smaller))
    (folder / "rules/recording.yml").write_text(rules((here / "rules/recording.yml").read_text(), {}))
    text = (here / "prometheus.yml").read_text()
    text, cut = re.subn(r"\n  # Confluent Cloud's own figures.*", "\n", text, flags=re.DOTALL)
    text, intervals = re.subn(r"_interval: 15s", f"_interval: {INTERVAL}", text)
    assert (cut, intervals) == (1, 2), "prometheus.yml reads otherwise than it did"
    (folder / "prometheus.yml").write_text(text)


@contextlib.contextmanager
def prometheus(folder):
    """Prometheus, until the block is left."""
    log = (folder / "prometheus.log").open("w")
    command = ["prometheus", "--config.file", folder / "prometheus.yml", "--storage.tsdb.path", folder / "data", "--web.listen-address", AT.removeprefix("http://")]
    # A series that is gone must not be seen a hundred times as long as there.
    command.append("--query.lookback-delta=3s")
    running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until("Prometheus is ready", lambda: urllib.request.urlopen(f"{AT}/-/ready", timeout=5).status == 200)
        yield
    except AssertionError:
        print((folder / "prometheus.log").read_text()[-2000:])
        raise
    finally:
        running.terminate()
        running.wait()


def until(what, holds, limit=LIMIT):
    """Waits until something holds; an error of the network means that it does not yet."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        with contextlib.suppress(OSError):
            if holds():
                return
        time.sleep(0.2)
    raise AssertionError(f"not within {limit} s: {what}")


def ask(path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{AT}/api/v1/{path}?{query}", timeout=10) as answer:
        return json.load(answer)["data"]


def firing():
    """The alerts that fire now, each with its labels and its summary."""
    alerts = [alert for alert in ask("alerts")["alerts"] if alert["state"] == "firing"]
    return {alert["labels"]["alertname"]: (alert["labels"], alert["annotations"]["summary"]) for alert in alerts}


class Watch:
    """What Prometheus says while things are broken and mended."""

    def wait_for_panels(self, dashboard):
        """Waits until every query of every panel gives a series; gives those that do not."""
        panels = json.loads(dashboard.read_text())["panels"]
        open_ = [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]
        number = len(open_)

        def all_show():
            nonlocal open_
            # A rate over a minute needs two scrapes only.
            open_ = [(title, expr) for title, expr in open_ if not ask("query", query=expr.replace("$__rate_interval", "1m"))["result"]]
            return not open_

        try:
            until("all panels show a series", all_show)
        except AssertionError:
            pass
        print(f"{number} queries of panels show something: {'holds' if not open_ else 'FAILED'}", flush=True)
        return [f"the panel “{title}” shows nothing: {expr}" for title, expr in open_]

    def stays_silent(self):
        """No alert fires while nothing is broken."""
        try:
            until("no alert fires", lambda: not firing())
        except AssertionError:
            return [f"nothing is broken, and {name} fires: {told}" for name, told in firing().items()]
        begun, fired = time.monotonic(), {}
        while time.monotonic() - begun < SILENCE:
            fired |= firing()
            time.sleep(0.2)
        print(f"no alert fires in {SILENCE} s of a pipeline that is well: {'holds' if not fired else 'FAILED'}", flush=True)
        return [f"nothing is broken, and {name} fires: {told}" for name, told in fired.items()]

    def during(self, pipeline, broken):
        """Breaks something until its alerts have fired, mends it, and waits until they are silent. No alert fires
        that neither is to nor may."""
        seen = {}

        def all_fire():
            seen.update(firing())
            return broken.fires <= seen.keys()

        def none_fires():
            now = firing()
            seen.update(now)
            return not now

        wrong = []
        broken.breaks(pipeline)
        try:
            until(f"{', '.join(sorted(broken.fires))} fire", all_fire)
        except AssertionError:
            wrong += [f"{broken.__name__}: {name} does not fire" for name in sorted(broken.fires - seen.keys())]
        broken.mends(pipeline)
        try:
            until("no alert fires", none_fires)
        except AssertionError:
            wrong += [f"{broken.__name__} is mended, and {name} fires: {told}" for name, told in firing().items()]
        others = seen.keys() - broken.fires - broken.may
        return wrong + [f"{broken.__name__}: {name} fires too: {seen[name]}" for name in sorted(others)]

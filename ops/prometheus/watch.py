"""A private Prometheus and Alertmanager with the repository's rules, for `ops/prometheus/rehearse`."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = {"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager", "setpriv": "util-linux"}


def prepare():
    """Installs what is missing, and says so."""
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise SystemExit(f"error: install the equivalents of: {' '.join(missing)} (this script knows apt-get only)")
    sudo = [] if os.getuid() == 0 else ["sudo"]
    print(f"installing with apt-get: {' '.join(missing)}", flush=True)
    subprocess.run(sudo + ["apt-get", "update", "-qq"], check=True)
    # The packages start servers, which are not needed: the rehearsal has private ones.
    subprocess.run(
        sudo + ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "install", "-y", "-qq",
                "--no-install-recommends"] + missing,
        check=True, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, log, **options):
    """Starts a process that ends with this one, also if this one is killed."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM"] + [str(part) for part in command], stdin=subprocess.DEVNULL,
        stdout=options.pop("stdout", None) or open(log, "ab"), stderr=open(log, "ab"), **options)


def stop(process, seconds=60):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


class Watch:
    """Both servers, and all that Alertmanager has had since the last `forget`."""

    EVERY = 0.2

    def __init__(self, folder, receiver):
        self.folder = pathlib.Path(folder)
        self.prometheus = f"http://127.0.0.1:{free_port()}"
        self.alertmanager = f"http://127.0.0.1:{free_port()}"
        (self.folder / "targets").mkdir(parents=True)
        shutil.copytree(HERE / "rules", self.folder / "rules")
        self._copy(HERE / "prometheus.yaml", "127.0.0.1:9093", self.alertmanager.removeprefix("http://"))
        self._copy(HERE.parent / "alertmanager/alertmanager.yaml", "http://127.0.0.1:9199", receiver)
        self._seen = {}
        self._now = {}
        self._lock = threading.Lock()
        self._ignored = set()
        self.trouble = None
        self.processes = [
            start(["prometheus-alertmanager", "--config.file", self.folder / "alertmanager.yaml", "--storage.path",
                   self.folder / "alertmanager", "--web.listen-address", self.alertmanager.removeprefix("http://"),
                   "--cluster.listen-address="], self.folder / "alertmanager.log"),
            start(["prometheus", "--config.file", self.folder / "prometheus.yaml", "--storage.tsdb.path",
                   self.folder / "tsdb", "--web.listen-address", self.prometheus.removeprefix("http://"),
                   "--log.level", "warn"], self.folder / "prometheus.log"),
        ]
        self._await_servers()
        threading.Thread(target=self._poll, daemon=True).start()

    def _copy(self, path, old, new):
        text = path.read_text()
        if old not in text:
            raise SystemExit(f"error: {path} does not name {old}")
        (self.folder / path.name).write_text(text.replace(old, new))

    def _await_servers(self):
        end = time.time() + 60
        for url in [self.alertmanager + "/api/v2/status", self.prometheus + "/api/v1/rules"]:
            while True:
                try:
                    read(url)
                    break
                except OSError:
                    if time.time() > end or any(process.poll() is not None for process in self.processes):
                        logs = [(self.folder / f"{name}.log").read_text() for name in ("alertmanager", "prometheus")]
                        raise SystemExit(f"error: {url} does not answer\n" + "\n".join(logs))
                    time.sleep(0.1)

    def _poll(self):
        while not self.trouble:
            try:
                # With inhibited ones: what a cause silences for people is there all the same.
                alerts = read(self.alertmanager + "/api/v2/alerts")
            except OSError as error:
                self.trouble = f"Alertmanager does not answer: {error}"
                return
            now = time.time()
            with self._lock:
                self._now = {key(alert["labels"]): alert["labels"] for alert in alerts
                             if alert["labels"]["alertname"] not in self._ignored}
                for name, labels in self._now.items():
                    first = self._seen[name]["first"] if name in self._seen else now
                    self._seen[name] = {"labels": labels, "first": first, "last": now}
            time.sleep(self.EVERY)

    def aim(self, layout):
        """Gives Prometheus the addresses of a local cluster (its cluster.json); returns how many there are."""
        jobs = {
            "center": [(layout["centerPort"], None)],
            "coordinator": [(layout["coordinatorPort"], None), (layout["standbyPort"], None)],
            "unit": [(unit["internalPort"], unit["name"]) for unit in layout["units"]],
            "gate": [(gate["internalPort"], None) for gate in layout["gates"]],
        }
        for job, targets in jobs.items():
            groups = [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"unit": unit} if unit else {}} for port, unit in targets]
            (self.folder / f"targets/{job}.new").write_text(json.dumps(groups))
            # JSON is YAML, and a rename is read whole.
            (self.folder / f"targets/{job}.new").rename(self.folder / f"targets/{job}.yaml")
        return sum(len(targets) for targets in jobs.values())

    def await_scrapes(self, count, seconds=90):
        """Waits until so many processes are scraped, and the alarms of the moments before have gone."""
        end = time.time() + seconds
        while self.query("sum(up)") < count or self.firing():
            if time.time() > end or self.trouble:
                raise SystemExit(f"error: {self.query('sum(up)'):.0f} of {count} processes are scraped; alarms: "
                                 + (", ".join(self.firing()) or "none"))
            time.sleep(0.5)
        if self.query("min(tranche_clock_synchronised)") == 0:
            self._ignored.add("TrancheClockUnsynchronised")
            print("nothing sets this machine's clock, says its kernel: TrancheClockUnsynchronised is right, and not counted",
                  flush=True)

    def query(self, expression):
        """The value of an expression that has one; 0 if it has none."""
        url = self.prometheus + "/api/v1/query?query=" + urllib.request.quote(expression)
        result = read(url)["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def firing(self):
        with self._lock:
            return dict(self._now)

    def seen(self):
        """All that was there since the last `forget`: labels, and when it was there first and last."""
        with self._lock:
            return {name: dict(alarm) for name, alarm in self._seen.items()}

    def forget(self):
        with self._lock:
            self._seen = {}

    def stop(self):
        self.trouble = self.trouble or "stopped"
        for process in self.processes:
            stop(process)


def key(labels):
    return labels["alertname"] + " " + ",".join(f"{name}={value}" for name, value in sorted(labels.items()))

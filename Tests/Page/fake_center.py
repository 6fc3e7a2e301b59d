"""A small center for the tests of the operators' console: its files, and a stream of pictures that tests can change."""

import contextlib
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "ConfigCenter/Console"
SECRET = "a secret of the fake center, which is no secret"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
          "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
KINDS = {".js": "text/javascript", ".css": "text/css"}
ACTS = ("read", "warm", "open", "pause", "resume", "block", "revoke", "moveQuota", "addStock", "addMuchStock", "forceOpen", "close", "settle",
        "hold", "releaseEnd", "createSale", "editSale", "deleteSale", "rollBack", "freeze", "settleQuota", "addUnit", "drain", "undrain", "strand",
        "removeUnit", "differRules", "holdRollout", "approve", "withdraw", "other")
LOGIN = '<p class="acts"><a id="login" class="button" href="/console/login">Sign in with your account</a></p>'
FOR_TWO = ("addMuchStock", "close", "settle", "settleQuota")
SCHEDULE = ("warm", "open", "close", "settle")
PARTS = ("paid", "held", "quota", "underWay", "unheard", "settled", "stranded", "pool", "carried")


def proposal(number, by="bob", **changes):
    return {"id": number, "act": "close summer", "kind": "close", "seen": "configuration version 7", "by": by,
            "reason": "sold out", "atMilliseconds": milliseconds(), "expiresAtMilliseconds": milliseconds() + 840_000,
            "state": "open", **changes}


def milliseconds():
    return int(time.time() * 1000)


def parts(**values):
    return {name: values.get(name, 0) for name in PARTS}


def row(unit, pace=30.0, demand=60.0, starved=0, **values):
    own = parts(**values)
    return {"unit": unit, "generation": 1, "standing": "active", "parts": own, "sold": own["paid"] + own["held"],
            "offered": 4 * own["paid"], "starved": starved, "isPrimed": True, "isHeard": True, "soldPerSecond": pace,
            "offeredPerSecond": demand}


def lot(number, name, issued, rows, pool, sale="summer", contest=None, **values):
    together = {kind: sum(one["parts"][kind] for one in rows) for kind in PARTS}
    together["pool"] = pool
    together.update(values)
    return {"id": number, "name": name, "sale": sale, "issued": issued, "parts": together, "units": rows,
            "difference": sum(together.values()) - issued, "isFrozen": False, "contest": contest,
            "soldPerSecond": sum(one["soldPerSecond"] or 0 for one in rows), "secondsLeft": 74}


def unit(number, name, region, **changes):
    return {"id": number, "name": name, "region": region, "generation": 1, "isDrained": False,
            "silentMilliseconds": 180, "isSilent": False, "position": 48213, "configVersion": 7, "lots": 2, "primed": 2,
            "clock": {"state": "synced", "uncertaintyMicroseconds": 640, "steps": 0, "refusedFences": 0},
            "load": {"capacityPerSecond": 9000, "waitingMilliseconds": 3, "cpuPermille": 412}, **changes}


def picture():
    """A sale that runs, a lot in its contest, and a unit that has come back without its ledger."""
    now = milliseconds()
    contest = {"policy": "stamp", "batches": 214, "decided": 1893, "line": 412, "coming": 6, "mayReturn": 30,
               "frontierMicroseconds": (now - 140) * 1000}
    return {
        "atMilliseconds": now, "epoch": 3, "coordinatorEpoch": 5, "coordinator": "http://127.0.0.1:7100",
        "config": {"version": 7, "isUrgent": False, "isStopped": False, "refusal": None},
        "sales": [{"id": "summer", "name": "Summer drop", "phase": "open", "steps": ["pause", "close"],
                   "opensAtMilliseconds": now - 60_000, "closesAtMilliseconds": now + 3_600_000, "lots": [1, 2]},
                  {"id": "winter", "name": "Winter", "phase": "draft", "steps": ["warm"], "lots": [9],
                   "opensAtMilliseconds": now + 86_400_000, "closesAtMilliseconds": now + 90_000_000}],
        "lots": [lot(1, "Seat, west stand", 5000, [row(1, 41.5, 310.0, paid=1810, held=140, quota=390),
                                                   row(2, 12.0, 44.0, paid=620, held=35, quota=610),
                                                   row(3, 3.4, 9.0, paid=205, held=11, quota=279)], 860, stranded=40),
                 lot(2, "Standing", 900, [row(1, 6.0, 50.0, paid=410, held=30, underWay=4), row(2, 2.0, 9.0, paid=340)],
                     116, contest=contest)],
        "lotsLeftOut": 0, "contradictions": [],
        "units": [unit(1, "us-east", "us-east"), unit(2, "eu-west", "eu-west", configVersion=6, position=17002),
                  unit(3, "ap-south", "ap-south", silentMilliseconds=5200, isSilent=True, primed=1,
                       clock={"state": "degraded", "uncertaintyMicroseconds": 2100, "steps": 1, "refusedFences": 0})],
        "stranded": [{"lot": 1, "unit": 3, "generation": 1, "quantity": 40, "shown": 33,
                      "reason": "the ledger was set back"}],
        "moves": [{"id": 1, "lot": 1, "from": 2, "to": 1, "asked": 100, "moved": 64, "isDone": False}],
        "alarms": ["unit 3, generation 1: lot 1: it has 500, granted were 460"], "alarmCount": 1}


def figures(answered, refused):
    return {"answered": answered, "ordered": answered - sum(refused.values()), "refused": refused,
            "p50Microseconds": 2100, "p99Microseconds": 41900}


def rollout(held=True):
    """The rules of a sale whose new ones are at one unit."""
    bad = {"bad_token": 90, "limit_reached": 10}
    detail = "9.0 % of the purchases at units with the new rules are refused with bad_token, against 0.1 % elsewhere or before"
    staged = {"stage": "unit", "next": "all", "unit": "us-east", "rules": {"limits": {"1": 2}}, "reachesGates": True,
              "watchedMilliseconds": 21_400, "watchMilliseconds": 60_000, "new": figures(1000, bad),
              "old": figures(2000, {}), "before": figures(900, {})}
    if held:
        staged["held"] = {"code": "refusals_rose", "detail": detail, "atMilliseconds": milliseconds()}
    units = [{"unit": name, "region": name, "hasNewRules": number == 0, "limits": {"1": 2 - min(number, 1)},
              "figures": figures(1000, bad if number == 0 else {})}
             for number, name in enumerate(("us-east", "eu-west", "ap-south"))]
    return {"sale": "summer", "version": 7, "variants": [], "alike": False, "staged": staged, "units": units}


def figure(value, why="as measured"):
    return {"value": value, "why": why}


def plan(document):
    """The center computes it; the console only shows it."""
    names = [region["name"] for region in document["regions"]]
    lot = document["sale"]["lots"][0]
    buyers = document["crowd"]["buyers"]
    figures = ("admittedPerSecond", "settledSeconds", "buyersServed", "contestedItems", "candidates", "contestBytes")
    return {
        "capacityPerSecond": figure(21343), "weights": {name: 10_000 // len(names) for name in names},
        "weightsWhy": "the share of the demand",
        "regions": [{"name": name, **{key: figure(1) for key in (
            "peakPerSecond", "units", "memoryBytes", "diskBytes", "redisBytes", "gateRedisBytes", "strandedItems",
            "affectedBuyers")}} for name in names],
        "lots": [{"id": lot["id"], "grants": {name: lot["stock"] // len(names) for name in names},
                  "unsoldItems": figure(max(0, lot["stock"] - buyers)), **{key: figure(12.5) for key in figures},
                  **({"soldOutSeconds": figure(4.25, "the moment when the last item is wanted")}
                     if buyers >= lot["stock"] else {})}]}


def page(assets, login=""):
    """The page, with the names under which its files are served."""
    names = {Path(name).stem: full for name, full in assets.items() if name.endswith(".js")}
    names["style"], names["login"] = assets["console.css"], login
    return re.sub(r"\{\{(\w+)\}\}", lambda found: names[found[1]], (FOLDER / "index.html").read_text()).encode()


class FakeCenter:
    """What the console reads, a record of all acts, and refusals that a test has prepared for the next acts."""

    def __init__(self, pause=0.1):
        self.lock = threading.RLock()
        self.picture, self.pause, self.isUp = picture(), pause, True
        self.streams, self.acts, self.prepared, self.version = 0, [], [], 7
        self.methods = []  # of acts that were carried out
        self.missing = []
        # The cookie of somebody who has signed in with the provider; such a center shows a link for it.
        self.session = None
        self.cookies = []
        # Acts are carried out, and their answers get lost. The browser itself may repeat an act whose connection closed.
        self.losesAnswers = False
        # Acts are answered while it is set.
        self.answers = threading.Event()
        self.answers.set()
        # Steps of the schedule that are held; None: the sales have no schedule.
        self.held = None
        self.operator = {"name": "ann", "role": "admin", "may": ACTS}
        self.assets = {}
        for path in [*FOLDER.glob("*.js"), *FOLDER.glob("*.css")]:
            mark = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            self.assets[path.name] = f"{path.stem}.{mark}{path.suffix}"
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"center": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}/console"

    def close(self):
        self.isUp = False
        self.server.shutdown()
        self.server.server_close()

    def change(self, body):
        with self.lock:
            body(self.picture)

    def refuse_next(self, status, code, detail):
        with self.lock:
            self.prepared.append((status, {"type": "about:blank", "title": code, "status": status, "code": code,
                                           "detail": detail}))

    def page(self):
        return page(self.assets, LOGIN if self.session else "")

    def sale(self, name):
        state = next(one for one in self.picture["sales"] if one["id"] == name)
        return {"version": self.version, "readiness": {"isReady": not self.missing, "missing": self.missing},
                "rollout": {}, "steps": state["steps"],
                "schedule": None if self.held is None else {"steps": [self.step(state, one) for one in SCHEDULE]},
                "sale": {"id": name, "name": state["name"], "state": state["phase"], "revocationEpoch": 1,
                         "startsAtMilliseconds": state["opensAtMilliseconds"],
                         "endsAtMilliseconds": state["closesAtMilliseconds"], "paymentWindowMilliseconds": 300_000,
                         "schedule": None if self.held is None else {"held": self.held},
                         "lots": [{"id": one, "name": "lot", "stock": 1000, "perBuyerLimit": 1, "poolPermille": 200}
                                  for one in state["lots"]]}}

    def step(self, state, step):
        at = state["closesAtMilliseconds" if step in ("close", "settle") else "opensAtMilliseconds"]
        standing = "held" if step in self.held else "done" if step == "warm" else "waiting"
        reasons = ["unit ap-south does not report"] if step == "open" else []
        return {"step": step, "atMilliseconds": at, "standing": standing, "reasons": reasons}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    center = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(content)

    def is_known(self):
        if self.headers.get("Authorization") == f"Bearer {SECRET}":
            return True
        session = self.center.session
        if session and "Authorization" not in self.headers and session in (self.headers.get("Cookie") or ""):
            return True
        detail = "this address needs the credential of an operator"
        self.answer(401, {"code": "bad_credential", "status": 401, "detail": detail}, "application/problem+json")
        return False

    def stream(self):
        center = self.center
        self.send_response(200)
        for name, value in [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"),
                            ("Connection", "close")]:
            self.send_header(name, value)
        self.end_headers()
        center.streams += 1
        center.cookies.append(self.headers.get("Cookie"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while center.isUp:
                with center.lock:
                    data = json.dumps({**center.picture, "atMilliseconds": milliseconds()})
                # In two pieces: the console must not rely on whole events.
                self.wfile.write(f"event: picture\ndata: {data[:100]}".encode())
                self.wfile.flush()
                self.wfile.write(f"{data[100:]}\n\n".encode())
                self.wfile.flush()
                time.sleep(center.pause)
        self.close_connection = True

    def do_GET(self):
        center = self.center
        if self.path == "/console":
            return self.answer(200, center.page(), "text/html; charset=utf-8", Content_Security_Policy=POLICY)
        if self.path == "/console/login":
            # As after the provider's pages.
            return self.answer(303, b"", Location="/console",
                               Set_Cookie=f"{center.session}; Path=/; HttpOnly; SameSite=Strict")
        for name, full in center.assets.items():
            if self.path == f"/console/assets/{full}":
                content, kind = (FOLDER / name).read_bytes(), KINDS[Path(name).suffix]
                return self.answer(200, content, kind, Content_Security_Policy=POLICY)
        if not self.is_known():
            return None
        if self.path == "/v1/operator":
            return self.answer(200, center.operator)
        tag = {"ETag": f'"{center.version}"'}
        if self.path == "/v1/console/events":
            return self.stream()
        if self.path.startswith("/v1/sales/"):
            return self.answer(200, center.sale(self.path.split("/")[3]), **tag)
        if self.path == "/v1/config":
            return self.answer(200, {"version": center.version}, **tag)
        at = milliseconds() * 1000
        if self.path == "/v1/config/versions":
            entry = {"checksum": "0", "at": at, "actor": "ann", "note": "open summer"}
            return self.answer(200, [{"version": number, **entry} for number in (7, 6)])
        if self.path == "/v1/audit":
            return self.answer(200, [{"at": at, "actor": "ann", "action": "stock", "detail": "lot 1: +200",
                                      "before": "issued 5000", "after": "issued 5200"}])
        return self.answer(404, {"code": "not_found", "detail": self.path})

    def do_PUT(self):
        self.do_POST()

    def do_DELETE(self):
        self.do_POST()

    def do_POST(self):
        center = self.center
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if not self.is_known():
            return None
        if self.path == "/v1/plan":
            return self.answer(200, plan(body))
        center.cookies.append(self.headers.get("Cookie"))
        if self.path == "/console/login/end":
            center.session = "none"
            return self.answer(204, b"")
        center.answers.wait(10)
        with center.lock:
            center.acts.append((self.path, body, {name: self.headers.get(name) for name in
                                                  ("If-Match", "Idempotency-Key", "X-Tranche-Actor",
                                                   "X-Tranche-Reason")}))
            if center.losesAnswers:
                self.close_connection = True
                self.connection.close()
                return None
            if center.prepared:
                status, problem = center.prepared.pop(0)
                return self.answer(status, problem, "application/problem+json")
            if self.path.endswith("/close") and "close" in center.operator.get("forTwo", ()):
                return self.answer(202, {"code": "approval_needed", "detail": "it waits", "proposal": {"id": 4}})
            center.methods.append(self.command)
        if self.command == "DELETE" and "/holds/" not in self.path:
            self.send_response(204)
            return self.end_headers()
        return self.answer(200, {})

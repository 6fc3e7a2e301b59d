"""A small gate for the tests of the page: the gate's HTTP contract, with a state that a test can change at any time."""

import contextlib
import hashlib
import html
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import altcha

FOLDER = Path(__file__).resolve().parents[2] / "Sources/Gate/Page"
SECRET = "a secret of the fake gate, which is no secret"
DRAW = "3f2a9c0000000000"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {units}; "
          "img-src 'self' data:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def milliseconds():
    return int(time.time() * 1000)


def lot(number=1, name="Seat, west stand", **changes):
    return {"id": number, "name": name, "band": "many", "policy": "lottery-then-first-come",
            "threshold": "0000000000000000", "buyerLimit": 2, "entered": 1200, "admitted": 0, "perMinute": 150,
            "order": None, **changes}


class FakeGate:
    """State, a record of all requests, and answers that a test has prepared for the next requests."""

    def __init__(self, unit, opens_in=3600.0, lots=None, **status):
        self.unit = unit
        self.lock = threading.RLock()
        self.requests, self.prepared, self.spent, self.unchanged = [], {}, set(), 0
        self.rank, self.ahead, self.work_cost, self.token_delay = DRAW, None, 20, 0.0
        self.status = {"sale": "summer", "name": "Summer drop", "phase": "waiting", "closesAt": None, "delay": 0,
                       "opensAt": milliseconds() + int(opens_in * 1000), "draw": {"hash": "9c1d" * 16, "seed": None},
                       "lots": lots or [lot()], "units": None, "identity": "dev", "challenge": "none", **status}
        self.assets = {}
        for path in [*FOLDER.glob("*.js"), *FOLDER.glob("*.css"), *FOLDER.glob("*.json")]:
            mark = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            self.assets[path.name] = f"{path.stem}.{mark}{path.suffix}"
        gate = self
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"gate": gate}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def address(self):
        return f"{self.origin}/sales/summer"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def change(self, **values):
        """Changes the status, and the first lot by names that begin with `lot_`."""
        with self.lock:
            for name, value in values.items():
                if name.startswith("lot_"):
                    self.status["lots"][0][name[4:]] = value
                else:
                    self.status[name] = value

    def open(self, **values):
        self.change(phase="open", opensAt=min(milliseconds() - 60_000, self.status["opensAt"]),
                    units=[self.unit.origin], **values)

    def refuse_next(self, path, status, code, retry_after=None, **more):
        """The next request whose path ends so gets this refusal."""
        body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code,
                "detail": code, **more}
        headers = {}
        if retry_after is not None:
            body["retryAfter"] = retry_after
            headers["Retry-After"] = str(retry_after)
        with self.lock:
            self.prepared.setdefault(path, []).append((status, body, headers))

    def times(self, ending):
        with self.lock:
            return [at for at, path in self.requests if path.endswith(ending)]

    def challenge(self):
        made = altcha.create_challenge(
            algorithm="PBKDF2/SHA-256", cost=self.work_cost, hmac_secret=SECRET,
            expires_at=int(time.time()) + 300, data={"lot": 1})
        return made.to_dict()

    def judge(self, solution):
        """None, or the code of the refusal. The reference implementation decides."""
        payload = altcha.Payload.from_dict(solution)
        if payload.challenge.signature in self.spent:
            return "challenge_spent"
        self.spent.add(payload.challenge.signature)
        verdict = altcha.verify_solution(payload, SECRET)
        return None if verdict.verified else "challenge_failed"

    def page(self):
        status = self.status
        opens = time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(status["opensAt"] / 1000))
        rows = "".join(f"<li>{html.escape(row['name'])}</li>" for row in status["lots"])
        values = {
            "name": html.escape(status["name"]), "phaseText": "The sale opens at", "opensAtText": opens,
            "lotsHtml": rows, "script": self.assets["page.js"], "style": self.assets["page.css"], "saleId": "summer",
            "languages": json.dumps({"en": self.assets["en.json"], "de": self.assets["de.json"]})}
        return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], (FOLDER / "index.html").read_text())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if status != 304:
            with contextlib.suppress(BrokenPipeError):  # the page does not wait longer than five seconds
                self.wfile.write(content)

    def is_prepared(self):
        with self.gate.lock:
            self.gate.requests.append((time.monotonic(), self.path))
            for ending, answers in self.gate.prepared.items():
                if answers and self.path.endswith(ending):
                    status, body, headers = answers.pop(0)
                    self.answer(status, body, "application/problem+json", **headers)
                    return True
        return False

    def do_GET(self):
        gate = self.gate
        if self.is_prepared():
            return
        if self.path.endswith("/status.json"):
            with gate.lock:
                mark = hashlib.sha256(json.dumps(gate.status).encode()).hexdigest()[:16]
                body = {**gate.status, "now": milliseconds()}
            if self.headers.get("If-None-Match") == f'"{mark}"':
                gate.unchanged += 1
                return self.answer(304, b"", ETag=f'"{mark}"')
            return self.answer(200, body, ETag=f'"{mark}"', Cache_Control="public, max-age=1")
        if self.path == "/sales/summer":
            policy = POLICY.format(units=gate.unit.origin)
            return self.answer(200, gate.page().encode(), "text/html; charset=utf-8", Content_Security_Policy=policy)
        for name, hashed in gate.assets.items():
            if self.path == f"/assets/{hashed}":
                kind = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}[Path(name).suffix]
                content = (FOLDER / name).read_bytes()
                return self.answer(200, content, kind, Content_Security_Policy="default-src 'none'")
        self.answer(404, {"code": "not_found"})

    def do_POST(self):
        gate = self.gate
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.is_prepared():
            return
        if self.path == "/dev/sign-in":
            return self.answer(200, {"token": f"jwt-{body['name']}"})
        if self.path == "/v1/session" and bearer.startswith("jwt-"):
            buyer = bearer.removeprefix("jwt-")
            ends = milliseconds() + 3_600_000
            return self.answer(201, {"session": f"session-{buyer}", "buyer": buyer, "expiresAt": ends})
        if not bearer.startswith("session-"):
            return self.answer(401, {"code": "bad_identity"})
        if self.path.endswith("/entry"):
            wanted = gate.challenge() if gate.status["challenge"] == "work" else None
            return self.answer(201, {"ticket": "ticket", "rank": gate.rank, "challenge": wanted, "ahead": gate.ahead})
        if self.path.endswith("/challenge"):
            return self.answer(201, {"challenge": gate.challenge()})
        if self.path.endswith("/token"):
            time.sleep(gate.token_delay)
            if gate.status["challenge"] == "work":
                code = gate.judge(body["solution"]) if body.get("solution") else "challenge_required"
                if code:
                    return self.answer(409, {"code": code, "status": 409})
            return self.answer(201, {"token": f"token-{bearer}", "order": gate.unit.order_id, "unit": gate.unit.origin,
                                     "expiresAt": milliseconds() + 120_000})
        if self.path == "/dev/pay":
            gate.unit.change(state="paid")
            return self.answer(200, {})
        self.answer(404, {"code": "not_found"})

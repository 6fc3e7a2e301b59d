"""A small unit for the tests of the page: orders over another origin, with the headers that browsers want for that."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeUnit:
    """Answers each purchase with `order`, or with the next prepared refusal."""

    order_id = "5e2f9a01c4d84b7aa1b2c3d4e5f60718"

    def __init__(self):
        self.lock = threading.RLock()
        self.requests, self.prepared, self.bearers = [], [], []
        self.order = {"order": self.order_id, "lot": 1, "quantity": 1, "state": "reserved", "stamp": "1"}
        self.is_lost = False
        unit = self
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"unit": unit}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def change(self, **values):
        with self.lock:
            self.order.update(values)

    def refuse_next(self, status, code, retry_after=None, **more):
        with self.lock:
            self.prepared.append((status, code, retry_after, more))

    def purchases(self):
        with self.lock:
            return [entry for entry in self.requests if entry[1] == "POST"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    unit = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, retry_after=None):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin") or "*")
        self.send_header("Access-Control-Expose-Headers", "Retry-After, Location")
        self.send_header("Access-Control-Allow-Headers", "Authorization, Content-Type")
        self.send_header("Access-Control-Allow-Methods", "GET, POST")
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(content)

    def do_OPTIONS(self):
        self.answer(204)

    def do_GET(self):
        with self.unit.lock:
            self.unit.requests.append((time.monotonic(), "GET", self.path, None))
            if self.unit.is_lost:
                return self.answer(410, {"code": "sold_out", "status": 410})
            waits = self.unit.order["state"] in ("contested", "waitlisted")
            self.answer(200, self.unit.order, 1 if waits else None)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        with self.unit.lock:
            self.unit.requests.append((time.monotonic(), "POST", self.path, body))
            self.unit.bearers.append(self.headers.get("Authorization"))
            if not (self.headers.get("Authorization") or "").startswith("Bearer token-session-"):
                return self.answer(401, {"code": "bad_token", "status": 401})
            if self.unit.prepared:
                status, code, retry_after, more = self.unit.prepared.pop(0)
                problem = {"code": code, "status": status, "detail": code, **more}
                if retry_after is not None:
                    problem["retryAfter"] = retry_after
                return self.answer(status, problem, retry_after)
            self.unit.order["quantity"] = body["quantity"]
            if self.unit.order["state"] == "reserved":
                self.unit.order.setdefault("deadlineMicroseconds", int((time.time() + 600) * 1_000_000))
            waits = self.unit.order["state"] in ("contested", "waitlisted")
            self.answer(202 if waits else 201, self.unit.order, 1 if waits else None)

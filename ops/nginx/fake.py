"""Small gates and units for ops/nginx/check: they answer with what they were asked.

fake.py FOLDER writes FOLDER/cluster.json, as `tranche up` does, and serves until it is killed:
gates one and two, and a gate and a unit whose ports refuse every connection; units us-east and eu-west.
GET /count/PATH at gate one says how often all gates were asked for PATH; POST /release ends event streams.
"""

import base64
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

asked = Counter()
lock = threading.Lock()
released = threading.Event()
TAG = '"0123456789abcdef"'
THRESHOLD = "8000000000000005"
PADDING = {"large": 1024, "small": 100}


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, *_):
        """A client that has gone is not an error here."""


class Fake(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.requests = 0
        super().setup()

    def log_message(self, *_):
        pass

    def answer(self, status, document, **fields):
        """Sends a document, or text, with fields (`_` in a name is `-`)."""
        body = (document if isinstance(document, str) else json.dumps(document)).encode()
        self.send_response(status)
        fields = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in fields.items()}}
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo(self, status, **fields):
        """What came here, so that a test sees what the front sent."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        names = sorted(name.lower() for name in self.headers.keys())
        self.answer(status, {
            "server": self.server.name, "path": self.path, "body": body, "names": names,
            "forwarded": self.headers.get_all("X-Forwarded-For"), "bearer": self.headers.get("Authorization"),
        }, **fields)

    def do_GET(self):
        if self.path.startswith("/count/"):
            return self.answer(200, str(asked[self.path.removeprefix("/count")]))
        with lock:
            asked[self.path] += 1
        if self.path.endswith("/status.json"):
            size = PADDING.get(self.path.split("/")[3], 0)
            document = {"sale": "x", "now": time.time_ns() // 1_000_000, "lots": [{"id": 1, "name": "a}b", "threshold": THRESHOLD}], "padding": "p" * size}
            return self.answer(
                200, json.dumps(document, separators=(",", ":")), ETag=TAG, Cache_Control="public, max-age=1")
        if self.path.startswith("/assets/only-two.") and self.server.name != "two":
            return self.answer(404, {"code": "not_found"})
        if self.path.startswith("/assets/"):
            return self.answer(200, "x" * 2000, ETag=TAG, Content_Type="text/javascript; charset=utf-8",
                               Cache_Control="public, max-age=31536000, immutable")
        if self.path == "/":
            return self.answer(302, "", Location="/sales/large", Cache_Control="no-store")
        if self.path.startswith("/sales"):
            return self.answer(200, "<html></html>", Content_Type="text/html", Cache_Control="public, max-age=5")
        if self.path.endswith("/events"):
            return self.events()
        self.echo(200)

    def events(self):
        """One event at once, and the next one when the test has seen it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for text in ("first", "second"):
            data = f"event: order\ndata: {text}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            released.wait(20)
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        self.requests += 1
        with lock:
            asked[self.path] += 1
        if self.path == "/release":
            released.set()
            return self.answer(200, {})
        if self.path == "/v1/lots/9/orders" and self.requests > 1:
            # As a server that closes an idle connection at the moment when a request arrives on it.
            self.close_connection = True
            return None
        if self.path == "/v1/lots/5/token":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return self.answer(503, {"code": "recovering"}, Content_Type="application/problem+json", Retry_After="7")
        fields = {"Location": f"/v1/orders/{'0' * 32}"} if self.path.endswith("/orders") else {}
        return self.echo(201, **fields)


def main():
    held = []

    def dead():
        """A port that refuses connections, and that nobody else gets meanwhile."""
        held.append(socket.socket())
        held[-1].bind(("127.0.0.1", 0))
        return held[-1].getsockname()[1]

    def alive(name):
        server = Server(("127.0.0.1", 0), Fake)
        server.name = name
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    def place(name, port):
        return {"name": name, "publicPort": port, "internalPort": 1}

    layout = {
        "gates": [place("one", alive("one")), place("two", alive("two")), place("dead", dead())],
        "units": [place("us-east", alive("us-east")), place("eu-west", alive("eu-west")), place("dead", dead())],
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        layout["frontPort"] = free.getsockname()[1]
    for name, above in (("low", 5), ("high", 6)):
        # A ticket's first fields: version, lot, rank, arrival.
        content = bytes([1]) + (1).to_bytes(4, "big") + (0x8000000000000000 + above).to_bytes(8, "big") + bytes(60)
        layout[f"{name}Ticket"] = base64.urlsafe_b64encode(content).decode().rstrip("=")
    with open(f"{sys.argv[1]}/cluster.json.new", "w") as file:
        json.dump(layout, file)
    os.rename(f"{sys.argv[1]}/cluster.json.new", f"{sys.argv[1]}/cluster.json")
    threading.Event().wait()


main()

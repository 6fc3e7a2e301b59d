"""The console's files of this folder in front of a running center, so that a change of them needs no build.

  console_files.py CENTER [PORT]     prints its address; all else than the files is the center's
"""

import contextlib
import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from fake_center import FOLDER, KINDS, POLICY, page

LEFT_OUT = ("connection", "transfer-encoding", "keep-alive")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    center = ""

    def log_message(self, *_):
        pass

    def file(self):
        """The content and the kind of one of the console's files; None for all else."""
        if self.path == "/console":
            return page({path.name: path.name for path in [*FOLDER.glob("*.js"), *FOLDER.glob("*.css")]}), "text/html"
        path = FOLDER / Path(self.path).name
        if self.path == f"/console/assets/{path.name}" and path.suffix in KINDS and path.exists():
            return path.read_bytes(), KINDS[path.suffix]
        return None

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def forward(self):
        connection = HTTPConnection(urlsplit(self.center).netloc, timeout=320)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # The host stays as it was asked for: the center compares it with the page's.
        headers = {name: value for name, value in self.headers.items() if name.lower() not in LEFT_OUT}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        self.begin(answer.status, [pair for pair in answer.getheaders() if pair[0].lower() not in LEFT_OUT])
        while piece := answer.read1(65_536):
            self.wfile.write(piece)
            self.wfile.flush()
        connection.close()

    def do_GET(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            found = self.file()
            if not found:
                return self.forward()
            content, kind = found
            self.begin(200, [("Content-Type", kind), ("Content-Length", str(len(content))),
                             ("Cache-Control", "no-store"), ("Content-Security-Policy", POLICY)])
            self.wfile.write(content)
        return None

    do_POST = do_PUT = do_DELETE = do_GET


def main(center, port=0, handler=Handler):
    handler.center = center
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)

"""Stands between a client and a registry: notes every request, and lets blobs come slowly while told to.

    between.py PORT REGISTRY LOG SLOW

REGISTRY is host:port. Each request is a line of LOG: its method and path. While the file SLOW is there a blob comes in
two halves, with as many seconds between them as the file says.
"""

import http.client
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, registry, log, slow = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


class Between(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open(log, "a") as lines:
            lines.write(f"{self.command} {self.path}\n")
        away = http.client.HTTPConnection(registry)
        try:
            # The host stays the client's: the registry then names it, and not itself, for what comes next.
            away.request(self.command, self.path, headers=dict(self.headers))
            answer = away.getresponse()
        except OSError:
            self.send_error(502)
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "date", "server", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.pass_on(answer)
        away.close()

    do_HEAD = do_GET

    def pass_on(self, answer):
        if self.command == "HEAD":
            return
        length = int(answer.getheader("Content-Length") or 0)
        if "/blobs/" in self.path and os.path.exists(slow):
            self.wfile.write(answer.read(length // 2))
            self.wfile.flush()
            with open(slow) as seconds:
                time.sleep(float(seconds.read()))
        while part := answer.read(65536):
            self.wfile.write(part)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Between).serve_forever()

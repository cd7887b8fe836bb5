#!/usr/bin/env python3
"""receiver.py PORT FILE ANSWERS: takes the events of registries and appends each POST to FILE as a line of JSON.

A line has the path, the headers and the body as it came. The answer is the status in the file ANSWERS, 200 without it.
"""

import http.server
import json
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = self.status()
        line = {"path": self.path, "status": status, "headers": {name.lower(): value for name, value in self.headers.items()}}
        line["body"] = json.loads(body)
        with open(sys.argv[2], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def status(self):
        try:
            with open(sys.argv[3], encoding="utf-8") as file:
                return int(file.read())
        except (OSError, ValueError):
            return 200

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()

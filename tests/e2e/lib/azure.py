#!/usr/bin/env python3
"""One signed request to a container: azure.py METHOD [/NAME][?QUERY]; prints the answer, and fails if it is an error.

The server and the key are $azure_serviceurl, $azure_container, $azure_accountname and $azure_accountkey.
"""

import base64
import email.utils
import hashlib
import hmac
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

method = sys.argv[1]
rest = sys.argv[2] if len(sys.argv) > 2 else ""
path, _, query = rest.partition("?")
url = os.environ["azure_serviceurl"] + "/" + os.environ["azure_container"] + path
account = os.environ["azure_accountname"]
headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
resource = "/" + account + urllib.parse.urlsplit(url).path
for name, value in sorted(urllib.parse.parse_qsl(query, keep_blank_values=True)):
    resource += f"\n{name}:{value}"
lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
# Eleven headers that are not sent stand between the method and ours.
text = method + "\n" * 12 + lines + resource
key = base64.b64decode(os.environ["azure_accountkey"])
signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
headers["authorization"] = f"SharedKey {account}:{signature}"
request = urllib.request.Request(url + (f"?{query}" if query else ""), method=method, headers=headers)
try:
    with urllib.request.urlopen(request, timeout=30) as answer:
        sys.stdout.buffer.write(answer.read())
except urllib.error.HTTPError as error:
    sys.exit(f"{method} {url}: {error.code} {error.read().decode()}")

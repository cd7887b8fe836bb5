#!/usr/bin/env python3
"""One signed request to a bucket: s3.py METHOD [/KEY][?QUERY]; prints the answer, and fails if it is an error.

The server and the key are $s3_endpoint, $s3_bucket, $s3_accesskey and $s3_secretkey.
"""

import datetime
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
endpoint = os.environ["s3_endpoint"]
path = urllib.parse.quote("/" + os.environ["s3_bucket"] + path)
pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
query = urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe="-_.~")
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
headers = {
    "host": urllib.parse.urlsplit(endpoint).netloc,
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    "x-amz-date": now,
}
names = ";".join(headers)
lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
canonical = "\n".join([method, path, query, lines, names, "UNSIGNED-PAYLOAD"])
scope = f"{now[:8]}/us-east-1/s3/aws4_request"
text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
key = ("AWS4" + os.environ["s3_secretkey"]).encode()
for word in scope.split("/"):
    key = hmac.new(key, word.encode(), hashlib.sha256).digest()
signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
credential = f"{os.environ['s3_accesskey']}/{scope}"
headers["authorization"] = (
    f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
)
url = endpoint + path + (f"?{query}" if query else "")
request = urllib.request.Request(url, method=method, headers=headers, data=b"" if method == "PUT" else None)
try:
    with urllib.request.urlopen(request, timeout=30) as answer:
        sys.stdout.buffer.write(answer.read())
except urllib.error.HTTPError as error:
    sys.exit(f"{method} {url}: {error.code} {error.read().decode()}")

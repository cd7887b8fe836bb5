"""Pushes small images with eight connections until told to stop, and writes down what the registry said it has.

    pusher.py push URL PASSWORD FILE      appends a line to FILE after each 201 of a manifest, until the server goes away
    pusher.py keep URL PASSWORD FILE      as push, but begins again after any failure, until interrupted; pulls as well
    pusher.py check URL PASSWORD FILE     fetches everything written down and compares it with its digest

A line is a tag, the digest of its manifest, and the digests of its blobs. Ends without an error when the server goes
away: that it does is the test.
"""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import signal
import sys
import threading
import urllib.parse


class Refused(Exception):
    """An answer with another status than a working registry gives."""


REPOSITORY = "library/killed"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def main():
    verb, url, password, path = sys.argv[1:]
    address = urllib.parse.urlsplit(url).netloc
    basic = {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}
    if verb == "push":
        push_until_gone(address, basic, path)
    elif verb == "keep":
        push_until_interrupted(address, basic, path)
    else:
        check(address, basic, path)


def push_until_gone(address, basic, path):
    lock = threading.Lock()
    with open(path, "a") as file:
        def worker(_):
            try:
                connection = http.client.HTTPConnection(address, timeout=20)
                while True:
                    line = push_one(connection, basic)
                    with lock:
                        file.write(line + "\n")
                        file.flush()
            except (OSError, http.client.HTTPException):
                pass

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(worker, range(8)))


def push_until_interrupted(address, basic, path):
    """Four clients, each of which retries as docker does. What fails is not written down; what was acknowledged is."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    lock = threading.Lock()
    with open(path, "a") as file:
        def worker(_):
            while not stop.is_set():
                try:
                    connection = http.client.HTTPConnection(address, timeout=20)
                    while not stop.is_set():
                        line = push_one(connection, basic)
                        with lock:
                            file.write(line + "\n")
                            file.flush()
                        pull_one(connection, basic, line)
                except (OSError, http.client.HTTPException, Refused):
                    stop.wait(0.2)

        threads = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def push_one(connection, basic):
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    blobs = [(MANIFEST.replace("manifest", "config"), config)]
    blobs += [("application/vnd.oci.image.layer.v1.tar", os.urandom(size)) for size in (3_000, 90_000)]
    descriptors = []
    for media_type, content in blobs:
        digest = digest_of(content)
        descriptors.append({"mediaType": media_type, "digest": digest, "size": len(content)})
        location = request(connection, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", basic, b"", 202)[1]["location"]
        target = urllib.parse.urlsplit(location)
        query = (target.query + "&" if target.query else "") + "digest=" + digest
        request(connection, "PUT", f"{target.path}?{query}", basic, content, 201)
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptors[0], "layers": descriptors[1:]}
    ).encode()
    tag = "t" + digest_of(manifest)[7:27]
    request(connection, "PUT", f"/v2/{REPOSITORY}/manifests/{tag}", basic | {"Content-Type": MANIFEST}, manifest, 201)
    return " ".join([tag, digest_of(manifest)] + [descriptor["digest"] for descriptor in descriptors])


def check(address, basic, path):
    connection = http.client.HTTPConnection(address, timeout=20)
    lines = open(path).read().splitlines()
    for line in lines:
        pull_one(connection, basic, line)
    print(len(lines))


def pull_one(connection, basic, line):
    tag, manifest, *blobs = line.split()
    got = request(connection, "GET", f"/v2/{REPOSITORY}/manifests/{tag}", basic | {"Accept": MANIFEST}, None, 200)[0]
    assert digest_of(got) == manifest, f"{tag} is not {manifest}"
    for blob in blobs:
        got = request(connection, "GET", f"/v2/{REPOSITORY}/blobs/{blob}", basic, None, 200)[0]
        assert digest_of(got) == blob, f"{blob} has other content"


def request(connection, method, path, headers, body, expected):
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != expected:
        raise Refused(f"{method} {path}: {response.status}, not {expected}: {content[:300]!r}")
    return content, {name.lower(): value for name, value in response.getheaders()}


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()

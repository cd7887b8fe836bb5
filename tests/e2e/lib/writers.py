"""Several clients write to a registry whose power is cut, and remember what they were told.

    writers.py write URL PASSWORD STATE SEED SECONDS COMMAND..   writes, runs COMMAND (the cut) at a moment of SECONDS, ends
    writers.py check URL PASSWORD STATE                          what was told holds; prints how much that is

STATE is a file (JSON) that lasts from cut to cut. An answer counts whenever it came: what the disk does after its cut
fails, so that no answer can rest on it. Of a request that was not answered either outcome holds, and nothing between.
Before the cut every request must succeed.
"""

import base64
import hashlib
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'
PREFIX = "library/cut-"
# What is checked one by one; older things are among them by chance.
CHECKED = 60


class Refused(Exception):
    """An answer with another status than a working registry gives."""


def main():
    verb, url, password, path = sys.argv[1:5]
    state = State.load(path)
    client = Client(urllib.parse.urlsplit(url).netloc, password)
    if verb == "write":
        seed, seconds, command = int(sys.argv[5]), float(sys.argv[6]), sys.argv[7:]
        write(client, state, seed, seconds, command)
    else:
        print(check(client, state))
    state.save(path)


class State:
    """What must hold. Every change of it is one assignment, so that the clients need no lock."""

    def __init__(self, tags=None, blobs=None, uploads=None):
        # "repository:tag" to the digests that it may have, "" being none; one that was answered is alone.
        self.tags = tags or {}
        # "repository@digest" of what was uploaded.
        self.blobs = blobs or {}
        # Path of the session to seed, answered offset and offsets that it may have beside that.
        self.uploads = uploads or {}

    @classmethod
    def load(cls, path):
        return cls(**json.load(open(path))) if os.path.exists(path) else cls()

    def save(self, path):
        with open(path, "w") as file:
            json.dump(self.__dict__, file)


class Client:
    def __init__(self, address, password):
        self.address = address
        self.basic = {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def another(self):
        other = object.__new__(Client)
        other.address, other.basic = self.address, self.basic
        other.connection = http.client.HTTPConnection(self.address, timeout=60)
        return other

    def request(self, method, path, body, expected, headers=None):
        self.connection.request(method, path, body, self.basic | (headers or {}))
        response = self.connection.getresponse()
        content = response.read()
        if response.status not in expected:
            raise Refused(f"{method} {path}: {response.status}, not {expected}: {content[:300]!r}")
        return response.status, content, {name.lower(): value for name, value in response.getheaders()}

    def begin(self, repository):
        return path_of(self.request("POST", f"/v2/{repository}/blobs/uploads/", b"", [202])[2]["location"])

    def upload(self, repository, content):
        """In one request after the POST."""
        location = self.begin(repository)
        self.request("PUT", with_digest(location, digest_of(content)), content, [201])
        return digest_of(content)

    def put_manifest(self, repository, reference, content):
        path = f"/v2/{repository}/manifests/{reference}"
        self.request("PUT", path, content, [201], {"Content-Type": MANIFEST})

    def manifest(self, repository, reference, expected):
        path = f"/v2/{repository}/manifests/{reference}"
        return self.request("GET", path, None, expected, {"Accept": MANIFEST})


def write(client, state, seed, seconds, command):
    chance = random.Random(seed)
    moment = time.monotonic() + chance.uniform(0.1, 1) * seconds
    cutting, broken = threading.Event(), []

    def work(kind, number):
        mine, luck = client.another(), random.Random(f"{seed} {kind.__name__} {number}")
        try:
            while not cutting.is_set():
                kind(mine, state, luck, f"{PREFIX}{kind.__name__}-{number}")
        except (OSError, http.client.HTTPException, Refused) as error:
            if not cutting.is_set():
                broken.append(f"{kind.__name__}: before the cut: {error!r}")
        except Exception as error:
            # Such as an answer that does not say what it should, at whatever time.
            broken.append(f"{kind.__name__}: {error!r}")

    kinds = [images, images, moved, deleted, chunked, chunked]
    threads = [threading.Thread(target=work, args=(kind, number)) for number, kind in enumerate(kinds)]
    for thread in threads:
        thread.start()
    while time.monotonic() < moment and not broken:
        time.sleep(0.005)
    cutting.set()
    subprocess.run(command, check=True)
    for thread in threads:
        thread.join()
    if broken:
        raise SystemExit("; ".join(broken))


def images(client, state, luck, repository):
    digests = [client.upload(repository, luck.randbytes(luck.choice([300, 5_000, 90_000, 400_000]))) for _ in range(2)]
    for digest in digests:
        state.blobs[f"{repository}@{digest}"] = True
    push(client, state, repository, f"t{luck.randrange(10**9)}", digests, client.upload(repository, CONFIG))


def moved(client, state, luck, repository):
    """One tag that is moved again and again, its blobs those of the manifest before."""
    digest = client.upload(repository, luck.randbytes(2_000))
    push(client, state, repository, "latest", [digest], client.upload(repository, CONFIG))


def push(client, state, repository, tag, layers, config):
    sizes = {digest: len(client.request("GET", f"/v2/{repository}/blobs/{digest}", None, [200])[1]) for digest in layers}
    content = json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(CONFIG)},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": sizes[digest]} for digest in layers
        ],
    }).encode()
    name, digest = f"{repository}:{tag}", digest_of(content)
    state.tags[name] = state.tags.get(name, [""]) + [digest]
    client.put_manifest(repository, tag, content)
    state.tags[name] = [digest]
    return digest


def deleted(client, state, luck, repository):
    """What is deleted stays so."""
    layer = client.upload(repository, luck.randbytes(1_000))
    tag = f"d{luck.randrange(10**9)}"
    digest = push(client, state, repository, tag, [layer], client.upload(repository, CONFIG))
    state.tags[f"{repository}:{tag}"] = [digest, ""]
    client.request("DELETE", f"/v2/{repository}/manifests/{digest}", None, [202])
    state.tags[f"{repository}:{tag}"] = [""]


def chunked(client, state, luck, repository):
    """Sessions, some of which stay open."""
    seed, size = luck.randrange(10**9), luck.randrange(100_000, 900_000)
    content = content_of(seed, size)
    location, offset = client.begin(repository), 0
    path = location.split("?")[0]
    while offset < size:
        step = luck.randrange(1, 300_000)
        chunk = content[offset:offset + step]
        state.uploads[path] = [seed, size, offset, [offset + len(chunk)]]
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{offset}-{offset + len(chunk) - 1}"}
        answer = client.request("PATCH", location, chunk, [202], headers)
        location, offset = path_of(answer[2]["location"]), offset + len(chunk)
        assert answer[2]["range"] == f"0-{offset - 1}", answer[2]
        state.uploads[path] = [seed, size, offset, []]
        if luck.random() < 0.15:
            return
    # Not known any more, until it is answered: the session may have ended with it.
    state.uploads[path] = [seed, size, offset, [None]]
    client.request("PUT", with_digest(location, digest_of(content)), b"", [201])
    state.blobs[f"{repository}@{digest_of(content)}"] = True
    del state.uploads[path]


def check(client, state):
    checked = sum([check_tags(client, state), check_blobs(client, state), check_uploads(client, state)])
    check_lists(client, state)
    return checked


def some(things):
    """The newest, and as many of the others."""
    things = list(things.items())
    older = things[:-CHECKED]
    return things[-CHECKED:] + random.sample(older, min(CHECKED, len(older)))


def check_tags(client, state):
    for name, allowed in some(state.tags):
        repository, tag = name.split(":")
        status, content, _ = client.manifest(repository, tag, [200, 404])
        found = digest_of(content) if status == 200 else ""
        assert found in allowed, f"{name} is {found or 'absent'}, and may be {allowed}"
        if found:
            check_image(client, repository, content)
        # From here on it is known.
        state.tags[name] = [found]
    return len(state.tags)


def check_image(client, repository, content):
    manifest = json.loads(content)
    for descriptor in [manifest["config"]] + manifest["layers"]:
        check_blob(client, repository, descriptor["digest"])


def check_blob(client, repository, digest):
    found = client.request("GET", f"/v2/{repository}/blobs/{digest}", None, [200])[1]
    assert digest_of(found) == digest, f"{repository}@{digest} has other content"


def check_blobs(client, state):
    for name, _ in some(state.blobs):
        check_blob(client, *name.split("@"))
    return len(state.blobs)


def check_uploads(client, state):
    """Each is at an offset that was answered, or was about to be; it goes on from there, and what comes of it is whole."""
    for path, (seed, size, answered, beside) in list(state.uploads.items()):
        repository = path.split("/blobs/")[0].removeprefix("/v2/")
        digest = digest_of(content_of(seed, size))
        status, _, headers = client.request("GET", path, None, [204, 404])
        if status == 404:
            assert None in beside, f"{path} is gone: {answered} were answered"
            check_blob(client, repository, digest)
        else:
            last = headers["range"].removeprefix("0-")
            offset = int(last) + 1 if answered or last != "0" else 0
            assert offset in [answered] + beside, f"{path} is at {offset}; {answered} were answered, {beside} beside"
            location = path_of(headers["location"])
            headers = {"Content-Type": "application/octet-stream"}
            client.request("PUT", with_digest(location, digest), content_of(seed, size)[offset:], [201], headers)
            check_blob(client, repository, digest)
        state.blobs[f"{repository}@{digest}"] = True
        del state.uploads[path]
    return 0


def check_lists(client, state):
    """What is listed is there, and nothing but what was pushed."""
    for repository in sorted({name.split(":")[0] for name in state.tags}):
        status, content, _ = client.request("GET", f"/v2/{repository}/tags/list?n=100000", None, [200, 404])
        listed = set(json.loads(content)["tags"] or []) if status == 200 else set()
        for tag in listed:
            allowed = state.tags.get(f"{repository}:{tag}", [])
            assert any(allowed), f"{repository}:{tag} is listed, and may be {allowed}"
        for name, allowed in state.tags.items():
            if name.startswith(repository + ":") and "" not in allowed:
                assert name.split(":")[1] in listed, f"{name} is not listed"


def content_of(seed, size):
    return random.Random(seed).randbytes(size)


def path_of(location):
    target = urllib.parse.urlsplit(location)
    return target.path + ("?" + target.query if target.query else "")


def with_digest(location, digest):
    return location + ("&" if "?" in location else "?") + "digest=" + digest


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()

"""Compares two registries: everything that the first serves, the second must serve with the same bytes.

    same.py OLD-URL NEW-URL USER:PASSWORD [INTO]

INTO is the project of names that have none. Prints how many tags there are; the first difference ends it.
"""

import base64
import http.client
import json
import sys
import urllib.parse

MANIFESTS = ", ".join([
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
])


class Registry:
    def __init__(self, url, credentials=None):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        self.headers = {"Accept": MANIFESTS}
        if credentials:
            self.headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()

    def ask(self, path, method="GET"):
        self.connection.request(method, path, headers=self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def pages(self, path, field):
        """All items of a list in pages."""
        path += "?n=1000"
        while path:
            status, headers, body = self.ask(path)
            if status != 200:
                sys.exit(f"{path}: {status} {body[:200]}")
            yield from json.loads(body)[field] or []
            link = headers.get("Link")
            path = urllib.parse.urlsplit(link[1:link.index(">")])._replace(scheme="", netloc="").geturl() if link else None


def main():
    old, new = Registry(sys.argv[1]), Registry(sys.argv[2], sys.argv[3])
    into = sys.argv[4] if len(sys.argv) > 4 else None
    tags, seen = 0, set()
    for name in old.pages("/v2/_catalog", "repositories"):
        target = name if "/" in name else f"{into}/{name}"
        status, _, body = old.ask(f"/v2/{name}/tags/list?n=1")
        if status == 404:
            continue
        for tag in old.pages(f"/v2/{name}/tags/list", "tags"):
            tags += 1
            manifest(old, new, (name, target), tag, seen)
    print(tags)


def manifest(old, new, names, reference, seen):
    name, target = names
    status, headers, body = old.ask(f"/v2/{name}/manifests/{reference}")
    if status != 200:
        sys.exit(f"{name}:{reference}: the old registry says {status}")
    other_status, other_headers, other_body = new.ask(f"/v2/{target}/manifests/{reference}")
    wanted = (status, body, headers["Docker-Content-Digest"], headers["Content-Type"])
    got = (other_status, other_body, other_headers["Docker-Content-Digest"], other_headers["Content-Type"])
    if wanted != got:
        sys.exit(f"{name}:{reference}: wanted {wanted}, got {got}")
    if (name, wanted[2]) in seen:
        return
    seen.add((name, wanted[2]))
    document = json.loads(body)
    for child in document.get("manifests", []):
        manifest(old, new, names, child["digest"], seen)
    for blob in [document.get("config"), *document.get("layers", [])]:
        if blob and (target, blob["digest"]) not in seen:
            seen.add((target, blob["digest"]))
            paths = [f"/v2/{each}/blobs/{blob['digest']}" for each in names]
            wanted, got = old.ask(paths[0]), new.ask(paths[1])
            if (wanted[0], wanted[2]) != (got[0], got[2]):
                sys.exit(f"{paths[1]}: wanted {wanted[0]}, got {got[0]}")


main()

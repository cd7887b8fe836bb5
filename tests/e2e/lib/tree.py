"""Makes more of a tree that distribution wrote, in its own form: what a test would take hours to push.

    tree.py ROOT tags NAME TAG COUNT          TAG-0, TAG-1, .. of the repository beside its TAG, all standing for the same
    tree.py ROOT images NAME IMAGES TAGS      a new repository: IMAGES images of two blobs each, and TAGS tags, in turns
"""

import hashlib
import json
import os
import sys

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def main():
    root, command, name = sys.argv[1:4]
    tree = os.path.join(root, "docker/registry/v2")
    repository = os.path.join(tree, "repositories", name)
    if command == "tags":
        tag, count = sys.argv[4], int(sys.argv[5])
        with open(os.path.join(repository, "_manifests/tags", tag, "current/link"), encoding="ascii") as link:
            digest = link.read()
        for number in range(count):
            point(repository, f"{tag}-{number}", digest)
    elif command == "images":
        images, tags = int(sys.argv[4]), int(sys.argv[5])
        digests = [image(tree, repository, f"{name}-{number}") for number in range(images)]
        for number in range(tags):
            point(repository, f"t{number}", digests[number % images])
    else:
        sys.exit(f"unknown command {command}")


def image(tree, repository, seed):
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}).encode()
    layer = f"layer of {seed}".encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor(LAYER, layer)],
    }).encode()
    for content in config, layer:
        link(os.path.join(repository, "_layers"), blob(tree, content))
    digest = blob(tree, manifest)
    link(os.path.join(repository, "_manifests/revisions"), digest)
    return digest


def descriptor(media_type, content):
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def blob(tree, content):
    digest = digest_of(content)
    hexes = digest[7:]
    write(os.path.join(tree, "blobs/sha256", hexes[:2], hexes, "data"), content)
    return digest


def link(folder, digest):
    write(os.path.join(folder, "sha256", digest[7:], "link"), digest.encode())


def point(repository, tag, digest):
    folder = os.path.join(repository, "_manifests/tags", tag)
    link(os.path.join(folder, "index"), digest)
    write(os.path.join(folder, "current/link"), digest.encode())


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


main()

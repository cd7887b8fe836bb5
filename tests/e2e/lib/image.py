"""Writes images as OCI layouts: the same arguments give the same bytes, and the bytes do not compress.

    image.py LAYOUT TAG [--layers N] [--layer-kib K] [--seed S] [--count N]
                        [--platform OS/ARCH ..] [--artifact-type TYPE]

Several tags may be written into one layout, and `--count N` writes TAG0, TAG1, .. at once. More than one platform makes an index. With an artifact type there is
no configuration, only the empty object that the image specification prescribes.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import tarfile

OCI = "application/vnd.oci.image."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("layout")
    parser.add_argument("tag")
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--layer-kib", type=int, default=4)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--count", type=int)
    parser.add_argument("--platform", action="append", default=[])
    parser.add_argument("--artifact-type")
    arguments = parser.parse_args()

    os.makedirs(os.path.join(arguments.layout, "blobs", "sha256"), exist_ok=True)
    tags = {}
    if arguments.count is None:
        tags[arguments.tag] = write(arguments)
    else:
        seed = arguments.seed
        for number in range(arguments.count):
            arguments.seed = f"{seed}-{number}"
            tags[f"{arguments.tag}{number}"] = write(arguments)
    record(arguments, tags)


def write(arguments):
    """What one tag points to."""
    if arguments.artifact_type:
        return artifact(arguments)
    images = [image(arguments, platform) for platform in arguments.platform or ["linux/amd64"]]
    return images[0] if len(images) == 1 else index(arguments, images)


def image(arguments, platform):
    """One image; the first layer is the same for all platforms, as a shared file would be."""
    system, _, architecture = platform.partition("/")
    layers, diffs = [], []
    for number in range(arguments.layers):
        seed = f"{arguments.seed}/{number}" + (f"/{platform}" if number else "")
        tar = layer(f"layer-{number}.bin", random.Random(seed).randbytes(arguments.layer_kib * 1024))
        diffs.append("sha256:" + hashlib.sha256(tar).hexdigest())
        packed = gzip.compress(tar, compresslevel=0, mtime=0)
        layers.append(blob(arguments, OCI + "layer.v1.tar+gzip", packed))
    config = {
        "created": "2024-01-01T00:00:00Z",
        "architecture": architecture,
        "os": system,
        "config": {"Cmd": ["/bin/true"], "Labels": {"seed": arguments.seed}},
        "rootfs": {"type": "layers", "diff_ids": diffs},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"} for n in range(len(diffs))],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI + "manifest.v1+json",
        "config": blob(arguments, OCI + "config.v1+json", encode(config)),
        "layers": layers,
    }
    descriptor = blob(arguments, OCI + "manifest.v1+json", encode(manifest))
    return descriptor | {"platform": {"architecture": architecture, "os": system}}


def index(arguments, images):
    return blob(
        arguments,
        OCI + "index.v1+json",
        encode({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": images}),
    )


def artifact(arguments):
    content = random.Random(arguments.seed).randbytes(arguments.layer_kib * 1024)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI + "manifest.v1+json",
        "artifactType": arguments.artifact_type,
        "config": blob(arguments, "application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [blob(arguments, "application/octet-stream", content)],
    }
    return blob(arguments, OCI + "manifest.v1+json", encode(manifest))


def layer(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        entry.mode = 0o644
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def encode(value):
    return json.dumps(value, indent=1).encode()


def blob(arguments, media_type, content):
    digest = hashlib.sha256(content).hexdigest()
    with open(os.path.join(arguments.layout, "blobs", "sha256", digest), "wb") as file:
        file.write(content)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}


def record(arguments, tags):
    """Adds the tags to the layout's index."""
    path = os.path.join(arguments.layout, "index.json")
    manifests = []
    if os.path.exists(path):
        with open(path) as file:
            manifests = json.load(file)["manifests"]
    for tag, descriptor in tags.items():
        named = descriptor | {"annotations": {"org.opencontainers.image.ref.name": tag}}
        named.pop("platform", None)
        manifests.append(named)
    with open(path, "w") as file:
        json.dump({"schemaVersion": 2, "manifests": manifests}, file)
    with open(os.path.join(arguments.layout, "oci-layout"), "w") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)


if __name__ == "__main__":
    main()

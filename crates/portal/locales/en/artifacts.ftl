artifacts = Artifacts
artifact-count = { $count ->
    [one] { $count } artifact
   *[other] { $count } artifacts
}
pull-count = { $count ->
    [one] { $count } pull
   *[other] { $count } pulls
}
pulls = Pulls
pulled = Pulled
pushed = Pushed
pull-command = Pull command
pull-newest = Pull the newest
tags = Tags
tagged = Tagged
untagged = Untagged
no-tags = No tag names this artifact.
new-tag = New tag
add-tag = Add tag
delete-tag = Delete tag
delete-artifact = Delete artifact
no-artifacts = No artifacts
no-artifacts-sub = Nothing in this repository matches.
digest = Digest
architecture = Architecture
platform = Platform
media-type = Media type
artifact-type = Artifact type
subject = Subject
children = Images in this index
layers = Layers
annotations = Annotations
manifest = Manifest
manifests = Manifests
blobs = Blobs
kind-image = Image
kind-index = Index
kind-chart = Helm chart
kind-other = Artifact

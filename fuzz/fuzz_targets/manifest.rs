//! Manifests: what is understood is what any other reader of JSON finds in the same bytes.
//!
//! The first byte chooses the `Content-Type`, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oci::{Descriptor, Manifest};
use serde_json::Value;

const TYPES: [Option<&str>; 6] = [
    None,
    Some("application/vnd.oci.image.manifest.v1+json"),
    Some("application/vnd.oci.image.index.v1+json"),
    Some("application/vnd.docker.distribution.manifest.v2+json"),
    Some("application/vnd.docker.distribution.manifest.list.v2+json; charset=utf-8"),
    Some("application/json"),
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let content_type = TYPES[usize::from(*choice) % TYPES.len()];
    let Ok(manifest) = Manifest::parse(content_type, bytes) else { return };
    let value: Value = serde_json::from_slice(bytes).expect("what was understood is JSON");
    same_type(&manifest, content_type, &value);
    same_content(&manifest, &value);

    // Nothing but the values counts: not their order, not the white space between them.
    let rewritten = serde_json::to_vec(&value).expect("JSON is written again");
    let again = Manifest::parse(content_type, &rewritten).expect("what was understood stays so");
    assert_eq!(manifest, again);
    // The type that was found is the type it is served as.
    let served = Manifest::parse(Some(&manifest.media_type.to_string()), bytes);
    assert_eq!(served.expect("what was accepted is accepted as what it is"), manifest);
});

fn same_type(manifest: &Manifest, content_type: Option<&str>, value: &Value) {
    let media_type = manifest.media_type.to_string();
    for said in [content_type, value["mediaType"].as_str().filter(|text| !text.is_empty())] {
        assert!(said.is_none_or(|said| said.starts_with(&media_type)), "{said:?} {media_type}");
    }
    assert_eq!(manifest.media_type.is_index(), !value["manifests"].is_null());
    assert_eq!(manifest.media_type.is_index(), value["config"].is_null());
    assert_eq!(value["schemaVersion"], 2);
}

fn same_content(manifest: &Manifest, value: &Value) {
    let digest = |value: &Value| value["digest"].as_str().expect("a digest").to_owned();
    let listed = |key: &str| {
        let entries = value[key].as_array().map(Vec::as_slice).unwrap_or_default();
        entries.iter().map(digest).collect::<Vec<_>>()
    };
    let told = |entries: &mut dyn Iterator<Item = &Descriptor>| {
        entries.map(|entry| entry.digest.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut manifest.layers().iter()), listed("layers"));
    let config = manifest.config().map(|config| config.digest.to_string());
    assert_eq!(config, value.get("config").filter(|value| !value.is_null()).map(digest));
    let subject = manifest.subject.as_ref().map(|subject| subject.digest.to_string());
    assert_eq!(subject, value.get("subject").filter(|value| !value.is_null()).map(digest));

    // Every entry is a blob that must be there, a manifest that must be, or a layer from elsewhere.
    let blobs = told(&mut manifest.blobs());
    let children = told(&mut manifest.children());
    let foreign = manifest.layers().iter().filter(|layer| !layer.is_distributable()).count();
    let all = listed("layers").len() + listed("manifests").len() + usize::from(config.is_some());
    assert_eq!(blobs.len() + children.len() + foreign, all);
    let sizes = manifest.blobs().map(|blob| blob.size);
    assert_eq!(manifest.size(), sizes.fold(0, u64::saturating_add));
}

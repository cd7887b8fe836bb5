//! What an artifact is, in Harbor's words.

use oci::Manifest;

/// `IMAGE`, `CHART`, `CNAB`, `WASM`, or what an unknown config media type names itself.
pub(crate) fn of(manifest: &Manifest) -> String {
    match manifest.artifact_type() {
        None => "IMAGE".to_owned(),
        Some(media_type) => of_media_type(media_type),
    }
}

fn of_media_type(media_type: &str) -> String {
    match media_type {
        "application/vnd.oci.image.config.v1+json"
        | "application/vnd.docker.container.image.v1+json" => "IMAGE".to_owned(),
        "application/vnd.cncf.helm.config.v1+json" => "CHART".to_owned(),
        "application/vnd.cnab.config.v1+json" => "CNAB".to_owned(),
        "application/vnd.wasm.config.v1+json" | "application/vnd.wasm.config.v0+json" => {
            "WASM".to_owned()
        }
        other => named(other).unwrap_or_else(|| "UNKNOWN".to_owned()),
    }
}

/// Harbor reads `application/vnd.<vendor>.<name>.config.<version>+json`; the name may have dots.
fn named(media_type: &str) -> Option<String> {
    let rest = media_type.strip_prefix("application/vnd.")?.strip_suffix("+json")?;
    let (_vendor, rest) = rest.split_once('.')?;
    let (name, _version) = rest.rsplit_once(".config.")?;
    if name.is_empty() { None } else { Some(name.to_uppercase()) }
}

#[cfg(test)]
mod tests;

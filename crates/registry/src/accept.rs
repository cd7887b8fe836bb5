//! What a client that knows images alone gets for the tag of an index: the image of linux/amd64, as distribution has it.
//!
//! Such are old clients, and scripts that ask for one media type. Whoever names no media type, names an index or takes
//! anything gets what the tag stands for; a digest is always what it says.

use actix_web::http::header::{self, HeaderMap};
use oci::{Digest, Kind, Manifest, MediaType};

/// The media types of images that a client takes and, with them, no index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImagesOnly {
    docker: bool,
    oci: bool,
}

impl ImagesOnly {
    /// `None` if the client may be sent an index.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut images = Self::default();
        for header in headers.get_all(header::ACCEPT) {
            for entry in header.to_str().ok()?.split(',') {
                let name = entry.split(';').next().unwrap_or_default().trim();
                match name.parse() {
                    Ok(MediaType::DockerManifest) => images.docker = true,
                    Ok(MediaType::OciManifest) => images.oci = true,
                    Ok(MediaType::DockerList | MediaType::OciIndex) => return None,
                    Err(_other) if name.contains('*') => return None,
                    Err(_other) => {}
                }
            }
        }
        (images.docker || images.oci).then_some(images)
    }

    /// Tells answers apart that are remembered.
    pub(crate) fn key(self) -> &'static str {
        match (self.docker, self.oci) {
            (true, true) => " docker oci",
            (true, false) => " docker",
            (false, _) => " oci",
        }
    }

    /// The image of an index that such a client gets, if there is one for it.
    pub(crate) fn choose(self, media_type: MediaType, index: &[u8]) -> Option<Digest> {
        let index = Manifest::parse(Some(media_type.as_str()), index).ok()?;
        let Kind::Index { manifests } = index.kind else { return None };
        let fits = |entry: &oci::Descriptor| {
            let platform = entry.platform.as_ref();
            platform
                .is_some_and(|platform| platform.os == "linux" && platform.architecture == "amd64")
                && match entry.media_type.parse() {
                    Ok(MediaType::DockerManifest) => self.docker,
                    Ok(MediaType::OciManifest) => self.oci,
                    Ok(MediaType::DockerList | MediaType::OciIndex) | Err(_) => false,
                }
        };
        manifests.into_iter().find(fits).map(|entry| entry.digest)
    }
}

#[cfg(test)]
mod tests;

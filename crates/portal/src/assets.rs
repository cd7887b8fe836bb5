//! What pages load: style, script and pictures, in the binary, under names that change with content.
//!
//! A name is never reused for other bytes, so answers may be kept for ever.

use std::sync::LazyLock;

/// One file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// As templates call it: `app.css`.
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) content: &'static str,
    /// `/assets/app-<hash>.css`.
    pub(crate) path: String,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, content: &'static str) -> Self {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let path = format!("/assets/{stem}-{:016x}.{extension}", fingerprint(content.as_bytes()));
        Self { name, content_type, content, path }
    }
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        Asset::new(
            "app.css",
            "text/css; charset=utf-8",
            concat!(include_str!("../assets/base.css"), include_str!("../assets/components.css")),
        ),
        Asset::new("app.js", "text/javascript; charset=utf-8", include_str!("../assets/app.js")),
        Asset::new("icons.svg", "image/svg+xml", include_str!("../assets/icons.svg")),
        Asset::new("mark.svg", "image/svg+xml", include_str!("../assets/mark.svg")),
    ]
});

/// Every file there is.
pub(crate) fn all() -> &'static [Asset] {
    ASSETS.as_slice()
}

/// The address of the file that templates call `name`.
pub(crate) fn path(name: &str) -> &'static str {
    all().iter().find(|asset| asset.name == name).map_or("", |asset| asset.path.as_str())
}

/// The file under `/assets/<file>`.
pub(crate) fn by_file(file: &str) -> Option<&'static Asset> {
    all().iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(file))
}

/// FNV-1a: it only has to change when the content does.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{all, by_file, path};

    #[test]
    fn every_asset_is_found_under_its_own_name_only() {
        for asset in all() {
            let file = path(asset.name).strip_prefix("/assets/").unwrap();
            assert_eq!(by_file(file).unwrap().name, asset.name);
            assert!(by_file(asset.name).is_none());
        }
    }
}

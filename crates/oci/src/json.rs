//! A look at JSON before it is read: what two parsers would understand differently is refused.
//!
//! Clients are mostly written in Go, whose parser takes the last of two equal keys and matches keys
//! without regard to case; others take the first and match exactly. A manifest that means one thing to
//! the registry and another to the client is how content is smuggled past a check (CVE-2021-41190).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// How deep a manifest may nest; real ones need four levels.
const MAX_DEPTH: usize = 32;

/// The keys whose meaning depends on being spelled exactly so.
const FIELDS: [&str; 20] = [
    "annotations",
    "architecture",
    "artifactType",
    "config",
    "data",
    "digest",
    "features",
    "fsLayers",
    "history",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "platform",
    "schemaVersion",
    "signatures",
    "size",
    "subject",
    "urls",
    "variant",
];

/// The bytes are not JSON, or are JSON that could be read in two ways.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct StructureInvalid(#[from] serde_json::Error);

/// Accepts JSON without duplicate or ambiguous keys and without deep nesting.
pub(crate) fn check(bytes: &[u8]) -> Result<(), StructureInvalid> {
    let mut input = serde_json::Deserializer::from_slice(bytes);
    Value { depth: 0, free_keys: false }.deserialize(&mut input)?;
    Ok(input.end()?)
}

/// Any value, read only to look at its keys.
#[derive(Clone, Copy)]
struct Value {
    depth: usize,
    /// Whether the keys here are data, as in `annotations`, and so may be spelled in any way.
    free_keys: bool,
}

impl Value {
    fn within<E: serde::de::Error>(self, key: &str) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom("too deeply nested"));
        }
        Ok(Self { depth: self.depth + 1, free_keys: self.free_keys || key == "annotations" })
    }
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !self.free_keys && is_misspelled(&key) {
                return Err(A::Error::custom(format_args!(
                    "key {key:?} differs from a field in case"
                )));
            }
            map.next_value_seed(self.within(&key)?)?;
            if let Some(duplicate) = seen.replace(key) {
                return Err(A::Error::custom(format_args!("duplicate key {duplicate:?}")));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = self.within("")?;
        while items.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Whether Go would take the key for a field that is spelled otherwise.
fn is_misspelled(key: &str) -> bool {
    let fold = |text: &str| text.to_uppercase().to_lowercase();
    !FIELDS.contains(&key) && FIELDS.iter().any(|field| fold(field) == fold(key))
}

#[cfg(test)]
mod tests;

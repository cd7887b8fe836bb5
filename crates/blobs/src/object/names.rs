//! What objects are called beside the key of an upload.
//!
//! ```text
//! objects/<time>/<uuid>                     the key; nothing is stored under it, but what was restored or adopted
//! objects/<time>/<uuid>.<hash of state>     the bytes whose hash has that state: a paused upload, or a committed object
//! objects/<time>/<uuid>.<hash>.parts        a paused multipart upload: its identity, its parts, its last bytes
//! objects/<time>/<uuid>.<random>            the object of a multipart upload
//! objects/<time>/<uuid>.<random>.upload     the identity of that multipart upload, so that it can be aborted
//! ```
//!
//! Nothing is stored under `objects/<time>/<uuid>.<random>.rest`: to delete that name is to delete all that the upload left
//! beside that object, also what processes that were killed have forgotten.
//!
//! A bucket has no locks. Two requests for one upload, in two processes, may both verify their bytes and both write; if they
//! wrote to one name, the row of the first could end up with the bytes of the second. So no two contents share a name.

use uuid::Uuid;

use crate::{HashState, Key};

/// A paused upload of at most this many bytes is nothing but its bytes.
///
/// One that is committed as it was paused is then there already: that is how Docker pushes. Never change it: which of
/// the two forms a paused upload has follows from its length.
pub(super) const WHOLE: u64 = 8 << 20;

const PARTS: &str = ".parts";
const UPLOAD: &str = ".upload";
const REST: &str = ".rest";

/// The bytes that `state` is the hash of.
pub(super) fn content(key: &Key, state: &HashState) -> Key {
    let mut hash = HashState::new(oci::Algorithm::Sha256);
    hash.update(&state.to_bytes());
    key.beside(&format!(".{}", hex::encode(hash.output())))
}

/// Where a paused upload is, if it has bytes.
pub(super) fn paused(key: &Key, state: &HashState) -> Key {
    let content = content(key, state);
    if state.length() <= WHOLE { content } else { content.beside(PARTS) }
}

/// A name for an object whose content is not known yet.
pub(super) fn unknown(key: &Key) -> Key {
    key.beside(&format!(".{}", Uuid::new_v4().simple()))
}

/// The note about the multipart upload that becomes `object`.
pub(super) fn note(object: &Key) -> Key {
    object.beside(UPLOAD)
}

/// The object of the multipart upload that the note `key` is about.
pub(super) fn noted(key: &Key) -> Option<Key> {
    key.as_str().strip_suffix(UPLOAD)?.parse().ok()
}

/// All that an upload has beside its committed `object`.
pub(super) fn rest(object: &Key) -> Key {
    object.beside(REST)
}

/// The upload and the object of it that stays, if `key` stands for the rest.
pub(super) fn rest_of(key: &Key) -> Option<(Key, Key)> {
    let object = key.as_str().strip_suffix(REST)?;
    let (upload, _) = object.rsplit_once('.')?;
    Some((upload.parse().ok()?, object.parse().ok()?))
}

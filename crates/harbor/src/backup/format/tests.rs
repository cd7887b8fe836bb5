//! Paths and digests.

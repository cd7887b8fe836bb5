//! harbor.

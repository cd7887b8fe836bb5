//! The `harbor` binary.
fn main() {}

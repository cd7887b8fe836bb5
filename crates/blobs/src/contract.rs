//! The promises of a driver, tried on each.

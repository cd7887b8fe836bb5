//! The proxy as a whole, over loopback; what real nginx does with the same file is compared in `against_nginx`.

mod harness;
mod against_nginx;
mod templates;
mod serving;
mod failures;
mod files;
mod encrypted;
mod documents;

//! The web portal: pages for people, the REST API for programs.

mod i18n;
mod assets;
mod viewer;
pub mod pages;

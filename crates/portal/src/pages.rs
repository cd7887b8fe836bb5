//! Web pages: one module per noun of their addresses.

pub(crate) mod format;
pub(crate) mod form;
pub(crate) mod pager;
mod confirm;
mod error;
mod login;
mod signup;
mod account;
mod projects;
mod repositories;
mod artifacts;
mod members;
mod robots;
mod logs;
mod search;
mod users;
mod system;
mod jobs;
mod gc;
mod configuration;

#[cfg(test)]
mod tests;

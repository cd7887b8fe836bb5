//! The API as clients meet it: its description against Harbor's, and its answers over HTTP.

mod client;
mod description;
mod wire;
mod rights;
mod service_logs;

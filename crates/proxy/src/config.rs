//! From the text of a file to a model of what it asks for; nothing here opens a socket.

pub(crate) mod place;
pub(crate) mod lexer;
pub(crate) mod tree;
pub(crate) mod table;
pub(crate) mod value;
pub(crate) mod template;
pub(crate) mod scope;
pub(crate) mod apply;
pub(crate) mod model;
pub(crate) mod backends;
pub(crate) mod tables;
pub(crate) mod build;

pub(crate) use self::build::{from_text, load};
pub(crate) use self::model::Config;
pub use self::place::{Invalid, Place};

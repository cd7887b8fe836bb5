//! What a store is told about whose it is.

use super::*;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[test]
fn an_id_is_read_as_it_was_written_or_copied() {
    for text in [ID.to_owned(), format!("{ID}\n"), format!(" {ID}\r\n"), ID.to_uppercase()] {
        assert_eq!(owner_in(text.as_bytes()).unwrap().as_deref(), Some(ID), "{text:?}");
    }
}

#[test]
fn what_was_interrupted_says_nothing() {
    for length in 0..ID.len() {
        assert_eq!(owner_in(&ID.as_bytes()[..length]).unwrap(), None, "{length}");
    }
}

#[test]
fn what_somebody_else_wrote_is_refused_with_the_remedy() {
    for bytes in ["rented until May", "{}", "01890a5d_ac9", "\u{feff}"] {
        let error = owner_in(bytes.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("the object `instance`"), "{error}");
        assert!(error.contains("remove it"), "{error}");
    }
    assert!(matches!(owner_in(&[0; 36]), Err(Error::NotOwner)));
}

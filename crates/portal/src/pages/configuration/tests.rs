//! Bytes as people read them.

use super::{bytes, gib};

#[test]
fn what_is_shown_is_what_is_saved() {
    let gibi = 1 << 30;
    for (amount, shown) in
        [(-1, "-1"), (10 * gibi, "10"), (gibi / 2, "0.5"), (gibi + gibi / 4, "1.25")]
    {
        assert_eq!(gib(amount), shown);
    }
    for amount in [1, 1_000, 1_000_000_007, 5 * gibi + 1, (1 << 53) - 1] {
        assert_eq!(bytes(&gib(amount)), Some(amount));
    }
}

#[test]
fn what_is_no_number_is_none() {
    for text in ["", "ten", "10 GiB", "NaN", "inf", "0x10"] {
        assert_eq!(bytes(text), None, "{text}");
    }
    assert_eq!(bytes("-1"), Some(-1));
    assert_eq!(bytes("-7"), Some(-7), "refused by the setting");
    assert_eq!(bytes("1e300"), Some(i64::MAX));
}

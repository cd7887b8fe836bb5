//! What many readers hold together.

use super::{CHUNK, HELD, PIECES, Readers, STEP};

#[test]
fn many_readers_hold_no_more_than_a_few_large_ones_do() {
    let readers = Readers::default();
    let mut all = Vec::new();
    for count in 1..=1000 {
        all.push(readers.clone());
        let step = readers.step();
        assert!((CHUNK..=STEP).contains(&step), "{step}");
        assert!(count * PIECES * step <= HELD.max(count * PIECES * CHUNK), "{count}");
    }
    assert_eq!(readers.step(), CHUNK);
    all.truncate(8);
    assert_eq!(readers.step(), STEP);
}

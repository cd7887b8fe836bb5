//! The proxy's configuration: whatever it says, it is understood or the place that is wrong is in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::Invalid;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let said = proxy::check_text(text).map(|checked| checked.workers);
    // What means nothing changes nothing but the lines.
    let moved = proxy::check_text(&format!("# a remark\n\n{text}")).map(|checked| checked.workers);
    match (said, moved) {
        (Ok(workers), Ok(same)) => {
            assert_eq!(workers, same);
            let ended = proxy::check_text(&format!("{text}\n# the end"));
            assert_eq!(ended.expect("a comment is no mistake").workers, workers);
        }
        (Err(Invalid::At { place, problem }), Err(Invalid::At { place: lower, problem: same })) => {
            assert!(!problem.is_empty());
            assert_eq!(problem, same);
            assert_eq!(place.column(), lower.column());
            assert_eq!(place.line() + 2, lower.line());
            let lines: Vec<&str> = text.split('\n').collect();
            let line = lines.get(place.line() as usize - 1).expect("the line is there");
            // One behind the last letter is the end.
            assert!(place.column() as usize <= line.chars().count() + 1, "{place}: {problem}");
        }
        (Err(Invalid::Missing { name, .. }), Err(Invalid::Missing { name: same, .. })) => {
            assert_eq!(name, same);
        }
        (said, moved) => panic!("{said:?} became {moved:?}"),
    }
});

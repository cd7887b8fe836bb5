//! Ranges: what is answered lies in the blob, and what a chunk says is what is read.
//!
//! Eight bytes are the blob's size, the rest is the header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry::range::{Wanted, first_byte, wanted};

fuzz_target!(|input: &[u8]| {
    let Some((size, text)) = input.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    for size in [u64::from_le_bytes(*size), u64::from(size[0]), 0] {
        part(text, size);
    }
    chunk(text);
});

fn part(text: &str, size: u64) {
    let answer = wanted(Some(text), size);
    assert_eq!(wanted(Some(&format!(" {text}\t")), size), answer, "white space around {text:?}");
    match answer {
        Wanted::Whole => {}
        Wanted::Unsatisfiable => assert!(text.trim().starts_with("bytes="), "{text:?} of {size}"),
        Wanted::Part(part) => {
            assert!(part.start < part.end && part.end <= size, "{text:?} of {size}: {part:?}");
            let exact = format!("bytes={}-{}", part.start, part.end - 1);
            assert_eq!(wanted(Some(&exact), size), Wanted::Part(part.clone()), "{exact}");
            // The same bytes, counted from the end, if it ends there.
            if part.end == size {
                let suffix = format!("bytes=-{}", size - part.start);
                assert_eq!(wanted(Some(&suffix), size), Wanted::Part(part), "{suffix}");
            }
        }
    }
}

fn chunk(text: &str) {
    let Some(first) = first_byte(text) else { return };
    for form in [format!("{first}-"), format!("bytes {first}-9/10"), format!("bytes={first}-9")] {
        assert_eq!(first_byte(&form), Some(first), "{form}");
    }
    assert!(text.contains('-') && text.contains(|letter: char| letter.is_ascii_digit()));
}

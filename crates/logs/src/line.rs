//! A message as one line of a file: `Jul 24 11:17:46 172.18.0.1 registry[722]: text`, as rsyslog's traditional format.
//!
//! A message stays one line whatever it holds: control characters are written as rsyslog writes them, `#` and three
//! octal digits, so that nobody forges a line or moves the cursor of who reads it. Tabs are left as they are.

/// Between the parts of a message that was longer than one line may be.
const CONTINUES: &[u8] = b" [continues]";
const CONTINUED: &[u8] = b"[continued] ";

/// Longer names of hosts, programs and processes are cut: nobody reads them, and each line repeats them.
const FIELD_MAX: usize = 128;

/// Whether a text is a whole message or a part of a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    First,
    Middle,
    Last,
}

/// Appends a name that is repeated in each line; spaces in it would read as the next field.
pub(crate) fn field(out: &mut Vec<u8>, text: &[u8]) {
    let (text, _) = text.split_at(text.len().min(FIELD_MAX));
    let start = out.len();
    escape(out, text);
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b' ' | b'\t') {
            *byte = b'_';
        }
    }
}

/// Appends the text, with what marks it as a part, and no end of line.
pub(crate) fn text(out: &mut Vec<u8>, text: &[u8], part: Part) {
    if matches!(part, Part::Middle | Part::Last) {
        out.extend_from_slice(CONTINUED);
    }
    escape(out, text);
    if matches!(part, Part::First | Part::Middle) {
        out.extend_from_slice(CONTINUES);
    }
}

/// Visible text is kept; control characters, and what is not UTF-8, become `#` and three octal digits a byte.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(|letter: char| letter.is_control() && letter != '\t') {
            let (visible, from) = rest.split_at(at);
            out.extend_from_slice(visible.as_bytes());
            let length = from.chars().next().map_or(0, char::len_utf8);
            let (control, after) = from.split_at(length);
            octal(out, control.as_bytes());
            rest = after;
        }
        out.extend_from_slice(rest.as_bytes());
        octal(out, chunk.invalid());
    }
}

fn octal(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&[
            b'#',
            b'0' + (byte >> 6),
            b'0' + ((byte >> 3) & 7),
            b'0' + (byte & 7),
        ]);
    }
}

#[cfg(test)]
mod tests;

//! What was written is read; what was changed is not believed.

use super::{each, verify};
use crate::backup::format::{End, Entry};
use crate::backup::writer::Writer;

const HEADER: &str = r#"{"format": 1, "product": "0.1.0", "engine": "sqlite", "schema": 1, "time": "",
    "tables": [], "objects": null}"#;

fn written(missing: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 0);
    writer.add_bytes("backup.json", HEADER.as_bytes()).unwrap();
    writer.add_bytes("database/harbor.db", &[1; 600]).unwrap();
    // Longer than the header of a tar has room for.
    writer.add_bytes(&format!("objects/{}", "x/".repeat(90) + "y"), b"bytes").unwrap();
    let missing = missing.iter().map(|key| (*key).to_owned()).collect();
    writer.finish(missing).unwrap().0
}

fn read(bytes: &[u8]) -> anyhow::Result<End> {
    verify(bytes, |_| {}).map(|(_, end)| end)
}

#[test]
fn what_was_written_is_whole() {
    assert_eq!(read(&written(&["objects/1"])).unwrap().missing, ["objects/1"]);
}

#[test]
fn entries_come_in_order_with_their_sizes() {
    let mut seen = Vec::new();
    each(written(&[]).as_slice(), |entry, size, _content| {
        seen.push((entry, size));
        Ok(())
    })
    .unwrap();
    let sizes: Vec<u64> = seen.iter().map(|(_, size)| *size).collect();
    assert_eq!(sizes, [HEADER.len() as u64, 600, 5]);
    assert!(matches!(seen.last(), Some((Entry::Object(_), _))));
}

#[test]
fn one_that_ends_too_early_is_refused_wherever_it_ends() {
    let whole = written(&[]);
    let end = whole.windows(8).rposition(|window| window == b"missing\"").unwrap();
    for length in (0..end).step_by(37) {
        assert!(read(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn a_changed_byte_is_noticed_unless_it_is_between_entries() {
    let whole = written(&[]);
    let mut noticed = 0;
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 0x40;
        match read(&changed) {
            Err(_) => noticed += 1,
            Ok(_) => assert_eq!(whole[position], 0, "byte {position} of an entry"),
        }
    }
    assert!(noticed > HEADER.len() + 600, "{noticed}");
}

#[test]
fn an_entry_that_is_left_out_is_noticed() {
    let mut writer = Writer::new(Vec::new(), 0);
    writer.add_bytes("backup.json", HEADER.as_bytes()).unwrap();
    let (bytes, end) = writer.finish(Vec::new()).unwrap();
    let mut other = Writer::new(Vec::new(), 0);
    other.add_bytes("backup.json", HEADER.as_bytes()).unwrap();
    other.add_bytes("admin_password", b"x").unwrap();
    let (_, other_end) = other.finish(Vec::new()).unwrap();
    let text = String::from_utf8_lossy(&bytes)
        .replace(&end.digest.to_string(), &other_end.digest.to_string());
    assert!(read(text.as_bytes()).is_err());
}

#[test]
fn whoever_takes_may_leave_bytes_and_may_refuse() {
    let refused = each(written(&[]).as_slice(), |entry, _size, _content| {
        anyhow::ensure!(entry != Entry::File, "no files today");
        Ok(())
    });
    assert_eq!(refused.unwrap_err().to_string(), "no files today");
}

#[test]
fn anything_else_is_no_backup() {
    for other in [&b""[..], b"\x1f\x8b\x08", &[0; 2048], "text\n".repeat(400).as_bytes()] {
        let error = format!("{:#}", read(other).unwrap_err());
        assert!(error.contains("not a whole backup"), "{error}");
    }
}

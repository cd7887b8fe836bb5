//! Messages become the lines that operators grep, each in the file of its service.

use std::net::{IpAddr, Ipv4Addr};

use super::Intake;
use crate::framing::Frame;
use crate::line::Part;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 18, 0, 1));

fn intake(messages: &[(&[u8], Part)], forwarding: bool) -> super::Batch {
    let mut intake = Intake::new(PEER, forwarding);
    for (bytes, part) in messages {
        intake.take(&Frame { bytes, part: *part });
    }
    intake.batch()
}

#[track_caller]
fn check(message: &str, file: &str, line: &str) {
    let batch = intake(&[(message.as_bytes(), Part::Whole)], false);
    let lines = batch.files.get(file).map(|lines| String::from_utf8_lossy(lines).into_owned());
    assert_eq!(lines.as_deref(), Some(line), "{message:?}");
    assert_eq!(batch.files.len(), 1);
}

#[test]
fn a_line_is_rsyslogs_traditional_one() {
    check(
        "<30>Jul 24 11:17:46 registry[722]: time=\"x\" level=debug\n",
        "registry",
        "Jul 24 11:17:46 172.18.0.1 registry[722]: time=\"x\" level=debug\n",
    );
    check(
        "<30>1 2026-07-24T11:17:46Z node1 ui 9 ui [a b=\"c\"] up",
        "ui",
        "Jul 24 11:17:46 node1 ui[9]: [a b=\"c\"] up\n",
    );
}

#[test]
fn an_unreadable_line_is_kept_whole() {
    let batch = intake(&[(b"what is\nthis", Part::Whole)], false);
    let line = String::from_utf8_lossy(&batch.files["unknown"]).into_owned();
    assert!(line.ends_with(" 172.18.0.1 unknown: what is#012this\n"), "{line}");
}

#[test]
fn a_tag_without_a_name_is_unreadable() {
    let batch = intake(&[(b"<30>Jul 24 11:17:46 /../x[1]: text", Part::Whole)], false);
    let line = String::from_utf8_lossy(&batch.files["unknown"]).into_owned();
    assert!(line.contains("unknown: <30>Jul 24 11:17:46 /../x[1]: text"), "{line}");
}

#[test]
fn parts_of_a_long_message_stay_together() {
    let batch = intake(
        &[
            (b"<30>Jul 24 11:17:46 a[1]: one", Part::First),
            (b"two", Part::Middle),
            (b"three\n", Part::Last),
            (b"<30>Jul 24 11:17:46 b[1]: next", Part::Whole),
        ],
        false,
    );
    let heading = "Jul 24 11:17:46 172.18.0.1 a[1]: ";
    let expected = format!(
        "{heading}one [continues]\n{heading}[continued] two [continues]\n{heading}[continued] three\n"
    );
    assert_eq!(String::from_utf8_lossy(&batch.files["a"]), expected);
    assert!(batch.files.contains_key("b"));
}

#[test]
fn what_is_forwarded_counts_its_octets() {
    let batch =
        intake(&[(b"<30>1 2026-07-24T11:17:46.5Z node1 ui 9 ui - up\n!", Part::Whole)], true);
    let message = "<30>1 2026-07-24T11:17:46.5Z node1 ui 9 - - up#012!";
    let expected = format!("{} {message}", message.len());
    assert_eq!(String::from_utf8_lossy(&batch.outgoing.bytes), expected);
    assert_eq!(batch.outgoing.lines, 1);
}

#[test]
fn a_remark_is_filed_as_the_collectors_own() {
    let mut intake = Intake::new(PEER, false);
    intake.remark("3 lines were lost");
    let line = String::from_utf8_lossy(&intake.batch().files["log"]).into_owned();
    assert!(line.ends_with(" log: 3 lines were lost\n"), "{line}");
}

//! distribution's configuration: whatever a file says, it is understood or the line or key that is wrong is named.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What a message may begin with beside a line: a key of the file, from its first word on.
const SECTIONS: [&str; 18] = [
    "auth",
    "catalog",
    "compatibility",
    "database",
    "health",
    "http",
    "limits",
    "log",
    "loglevel",
    "middleware",
    "notifications",
    "policy",
    "proxy",
    "redis",
    "reporting",
    "storage",
    "validation",
    "version",
];

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if reaches_out(text) {
        return;
    }
    match harbor::check_registry_config(text) {
        Ok(remarks) => {
            for remark in &remarks {
                assert!(!remark.trim().is_empty());
            }
            // A line that means nothing changes nothing.
            let commented = format!("# a remark\n{text}");
            if !text.starts_with(['%', '\u{feff}']) {
                let again = harbor::check_registry_config(&commented);
                assert_eq!(again.expect("a comment is no mistake"), remarks);
            }
        }
        Err(error) => {
            let message = format!("{error:#}");
            let word = message.split(|letter: char| !letter.is_ascii_lowercase()).next();
            let named = word.is_some_and(|word| SECTIONS.contains(&word));
            assert!(named || message.contains("line "), "neither line nor key: {message}");
        }
    }
});

/// Whether understanding it would ask for a name in the network, or read a file.
fn reaches_out(text: &str) -> bool {
    let Ok(tree) = serde_saphyr::from_str::<Value>(text) else { return false };
    let text = |pointer: &str| tree.pointer(pointer).and_then(Value::as_str);
    let named = |address: &str| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        !host.is_empty() && host.parse::<IpAddr>().is_err()
    };
    ["/http/addr", "/http/debug/addr"].into_iter().filter_map(text).any(named)
        || ["/auth/token/rootcertbundle", "/auth/token/jwks"]
            .into_iter()
            .any(|at| text(at).is_some())
}

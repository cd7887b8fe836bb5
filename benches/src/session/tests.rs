//! Sessions against a registry of one thread that demands tokens and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Command};
use crate::content::Source;

type Log = Arc<Mutex<Vec<String>>>;

/// Answers until its listener is dropped with the test's process. Every connection is closed after ten answers.
fn fake_registry() -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let log = Log::default();
    let (base, seen) = (address.clone(), Arc::clone(&log));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            for _ in 0..10 {
                if !answer(&mut stream, &base, &seen) {
                    break;
                }
            }
        }
    });
    (address, log)
}

/// Reads one request, notes its first line with what authorizes it, and answers it.
fn answer(stream: &mut BufReader<TcpStream>, base: &str, log: &Log) -> bool {
    let (mut first, mut authorization, mut length) = (String::new(), "none".to_owned(), 0);
    if stream.read_line(&mut first).unwrap_or(0) == 0 {
        return false;
    }
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).expect("a header");
        match header.trim_end().split_once(": ") {
            Some(("Authorization", value)) => value.clone_into(&mut authorization),
            Some(("Content-Length", value)) => length = value.parse().expect("a length"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    let request = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let reply = reply(&request, &authorization, base);
    log.lock().expect("a log").push(format!("{request} {length} [{authorization}]"));
    stream.get_mut().write_all(reply.as_bytes()).is_ok()
}

fn reply(request: &str, authorization: &str, base: &str) -> String {
    let respond = |status: u16, headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status} Because\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
    };
    if request.starts_with("GET /token") {
        return respond(200, "", r#"{"token":"t0k"}"#);
    }
    if authorization != "Bearer t0k" {
        let challenge = format!("Bearer realm=\"{base}/token\",service=\"s\"");
        return respond(401, &format!("WWW-Authenticate: {challenge}\r\n"), "");
    }
    match request.split(' ').next() {
        Some("POST") => respond(202, "Location: /upload/1\r\n", ""),
        Some("PATCH") => respond(202, &format!("Location: {base}/upload/2?state=x\r\n"), ""),
        Some("PUT") => respond(201, "Location: /v2/done\r\n", ""),
        Some("GET") if request.ends_with("large") => respond(200, "", &"x".repeat(3 << 20)),
        Some("GET") => respond(200, "", "four"),
        _ => respond(404, "", ""),
    }
}

fn registry(target: &str, flags: &str) -> Registry {
    let line = format!("load run --target {target} --user u --password p {flags}");
    let Command::Run(arguments) = Arguments::parse_from(line.split_whitespace()).command else {
        panic!("the command is `run`");
    };
    Registry::new(&arguments).expect("a registry")
}

const TOKEN: &str = "GET /token?service=s&scope=repository%3Ar%3Apull%2Cpush 0 [Basic dTpw]";

#[test]
fn a_push_gets_one_token_and_follows_locations() {
    let (target, log) = fake_registry();
    let registry = registry(&target, "--upload patch");
    let mut source = Source::new();
    let blob = source.small(64, 64);
    let mut session = Session::new(&registry, &source.pool);
    session.push_blob(&Repository::new("r".to_owned()), &blob).expect("a push");
    let expected = [
        "POST /v2/r/blobs/uploads/ 0 [none]",
        TOKEN,
        "POST /v2/r/blobs/uploads/ 0 [Bearer t0k]",
        "PATCH /upload/1 64 [Bearer t0k]",
        &format!("PUT /upload/2?state=x&digest={} 0 [Bearer t0k]", blob.digest),
    ];
    assert_eq!(*log.lock().expect("a log"), expected);
    assert_eq!(session.tally.requests, 5);
}

#[test]
fn the_bytes_may_travel_with_put() {
    let (target, log) = fake_registry();
    let registry = registry(&target, "--upload put");
    let mut source = Source::new();
    let blob = source.large(100_000);
    let mut session = Session::new(&registry, &source.pool);
    session.push_blob(&Repository::new("r".to_owned()), &blob).expect("a push");
    let put = format!("PUT /upload/1?digest={} 100000 [Bearer t0k]", blob.digest);
    assert_eq!(log.lock().expect("a log").last(), Some(&put));
}

#[test]
fn connections_share_tokens_and_survive_being_closed() {
    let (target, log) = fake_registry();
    let registry = registry(&target, "");
    let source = Source::new();
    let repository = Repository::new("r".to_owned());
    let mut session = Session::new(&registry, &source.pool);
    for _ in 0..25 {
        assert!(!session.has_blob(&repository, "sha256:0").expect("an answer"));
    }
    drop(session);
    let mut second = Session::new(&registry, &source.pool);
    assert!(!second.has_blob(&repository, "sha256:0").expect("an answer"));
    let asked = log.lock().expect("a log").iter().filter(|line| **line == TOKEN).count();
    assert_eq!(asked, 1);
}

#[test]
fn what_is_not_what_was_pushed_fails_the_pull() {
    let (target, _log) = fake_registry();
    let source = Source::new();
    let repository = Repository::new("r".to_owned());
    let pull = |flags: &str, blob: &Blob| {
        let registry = registry(&target, flags);
        Session::new(&registry, &source.pool).pull_blob(&repository, blob)
    };
    let mut same_size = Blob::of(b"five".to_vec());
    same_size.digest = "sha256:0".to_owned();
    pull("", &same_size).expect("the size is right");
    pull("--verify", &same_size).expect_err("the digest is wrong");
    pull("--verify", &Blob::of(b"four".to_vec())).expect("the same bytes");
    pull("", &Blob::of(b"longer".to_vec())).expect_err("the size is wrong");
}

#[test]
fn a_large_body_is_counted_alike_dropped_or_copied() {
    let (target, _log) = fake_registry();
    let source = Source::new();
    let repository = Repository::new("r".to_owned());
    for flags in ["", "--copy"] {
        let registry = registry(&target, flags);
        let mut session = Session::new(&registry, &source.pool);
        for _ in 0..2 {
            let pulled = session.pull_manifest(&repository, "large", "sha256:0", 3 << 20);
            pulled.expect("three mebibytes");
        }
        assert_eq!(session.tally.bytes, (6 << 20) + r#"{"token":"t0k"}"#.len() as u64);
    }
}

#[test]
fn the_token_service_is_found_through_the_challenge() {
    let (target, _log) = fake_registry();
    let registry = registry(&target, "");
    let source = Source::new();
    let mut session = Session::new(&registry, &source.pool);
    let challenge = session.challenge().expect("an answer").expect("a challenge");
    assert_eq!(challenge.realm, format!("{target}/token"));
    session.fetch_push_token(&challenge, &Repository::new("r".to_owned())).expect("a token");
}

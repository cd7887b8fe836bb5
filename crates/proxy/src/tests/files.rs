//! Files that upstreams name: whole, in parts, and never from elsewhere.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Origin, Running};

async fn front(origin: &Origin) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    std::fs::create_dir_all(storage.join("deep/er")).unwrap();
    for size in SIZES {
        std::fs::write(storage.join(format!("deep/er/{size}")), content(size)).unwrap();
    }
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), storage.join("link")).unwrap();
    std::os::unix::fs::symlink(folder.path(), storage.join("up")).unwrap();
    let http = format!(
        "server {{ listen 127.0.0.1:{{port}}; access_log off;
        location / {{ proxy_pass http://{}; }}
        location /_objects/ {{ internal; alias {{folder}}/storage/; etag off; }} }}",
        origin.address
    );
    Running::start_in(folder, &http).await
}

const SIZES: [usize; 9] = [0, 1, 4095, 65_536, 262_143, 262_144, 262_145, 524_288, 3_333_333];

fn content(size: usize) -> Vec<u8> {
    let seed = u32::try_from(size).unwrap();
    (0u32..)
        .take(size)
        .map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13).to_le_bytes()[0])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_all_sizes_come_whole() {
    let origin = Origin::start().await;
    let front = front(&origin).await;
    for size in SIZES {
        let answer = front.get(&format!("/say/accel/deep/er/{size}")).await;
        assert_eq!(answer.status, 200, "{size}");
        assert_eq!(answer.header("content-length"), Some(size.to_string().as_str()));
        assert!(answer.body == content(size), "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_files_are_those_bytes() {
    let origin = Origin::start().await;
    let front = front(&origin).await;
    let all = content(3_333_333);
    for (range, start, end) in [
        ("0-0", 0, 1),
        ("100000-2000000", 100_000, 2_000_001),
        ("3333332-", 3_333_332, 3_333_333),
        ("-1000000", 2_333_333, 3_333_333),
        ("262144-524287", 262_144, 524_288),
    ] {
        let request = format!(
            "GET /say/accel/deep/er/3333333 HTTP/1.1\r\nHost: h\r\nRange: bytes={range}\r\nConnection: close\r\n\r\n"
        );
        let answer = front.ask(&request).await;
        assert_eq!(answer.status, 206, "{range}");
        assert!(answer.body == all[start..end], "{range}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_of_the_folder_can_be_named() {
    let origin = Origin::start().await;
    let front = front(&origin).await;
    for name in [
        "link",
        "up/secret",
        "../secret",
        "..%2fsecret",
        "deep/../../secret",
        "deep",
        "deep/er/",
        "",
        "none",
    ] {
        let answer = front.get(&format!("/say/accel/{name}")).await;
        assert!(matches!(answer.status, 403 | 404 | 200), "{name}: {}", answer.status);
        assert!(!answer.text().contains("secret") || answer.text().contains("GET "), "{name}");
    }
    assert_eq!(front.get("/say/accel/link").await.status, 403);
    assert_eq!(front.get("/_objects/deep/er/1").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_tells_the_length_and_sends_nothing() {
    let origin = Origin::start().await;
    let front = front(&origin).await;
    let request = "HEAD /say/accel/deep/er/65536 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let answer = front.ask(request).await;
    assert_eq!(
        (answer.status, answer.header("content-length"), answer.body.len()),
        (200, Some("65536"), 0)
    );
}

/// What a client of one connection reads: answers one after the other, with the bodies as long as they are announced.
async fn read_answer(tcp: &mut TcpStream, spare: &mut Vec<u8>, bodyless: bool) -> (u16, Vec<u8>) {
    let mut space = vec![0; 100_000];
    loop {
        if let Some(end) = spare.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(spare[..end].to_vec()).unwrap().to_ascii_lowercase();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = if bodyless { 0 } else { length.unwrap().parse::<usize>().unwrap() };
            if spare.len() >= end + 4 + length {
                let body = spare[end + 4..end + 4 + length].to_vec();
                spare.drain(..end + 4 + length);
                return (status, body);
            }
        }
        let read = tcp.read(&mut space).await.unwrap();
        assert!(read > 0, "the connection ended early");
        spare.extend_from_slice(&space[..read]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_answers_on_one_connection_never_mix() {
    let origin = Origin::start().await;
    let front = front(&origin).await;
    let all = content(3_333_333);
    for pipelined in [false, true] {
        let mut tcp = TcpStream::connect(front.address).await.unwrap();
        let mut spare = Vec::new();
        let mut asked = Vec::new();
        for round in 0..60_usize {
            let size = SIZES[round % SIZES.len()];
            let (method, range, expected) = match round % 5 {
                0 => ("HEAD", String::new(), (200, Vec::new())),
                1 => {
                    let (start, end) = (round * 1000, round * 50_000 + 1000);
                    let range = format!("Range: bytes={start}-{}\r\n", end - 1);
                    ("GET", range, (206, all[start..end].to_vec()))
                }
                _ => ("GET", String::new(), (200, content(size))),
            };
            let size = if range.is_empty() { size } else { 3_333_333 };
            let path = format!("/say/accel/deep/er/{size}");
            let request = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{range}\r\n");
            tcp.write_all(request.as_bytes()).await.unwrap();
            asked.push((method == "HEAD", expected));
            if !pipelined || round % 20 == 19 {
                for (bodyless, expected) in asked.drain(..) {
                    let answer = read_answer(&mut tcp, &mut spare, bodyless).await;
                    assert!(answer == expected, "round {round}, {}", answer.0);
                }
            }
        }
        assert!(spare.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_break_off_cost_nothing_that_lasts() {
    let origin = Origin::start().await;
    let front = front(&origin).await;
    let request = b"GET /say/accel/deep/er/3333333 HTTP/1.1\r\nHost: h\r\n\r\n";
    let descriptors = || {
        std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(Result::ok)
            .filter_map(|fd| {
                std::fs::read_link(fd.path()).ok().filter(|path| path.ends_with("deep/er/3333333"))
            })
            .count()
    };
    for _ in 0..30 {
        let mut tcp = TcpStream::connect(front.address).await.unwrap();
        tcp.write_all(request).await.unwrap();
        let mut some = [0; 70_000];
        tcp.read_exact(&mut some).await.unwrap();
    }
    for _ in 0..200 {
        if descriptors() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{} descriptors are left", descriptors());
}

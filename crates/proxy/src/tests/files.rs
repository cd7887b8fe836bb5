//! Files that upstreams name: whole, in parts, and never from elsewhere.

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

//! The same requests to this proxy and to real nginx with the same file: the answers must be the same.
//!
//! nginx is at `/usr/sbin/nginx` on Debian; these tests fail without it, because skipping them would say nothing.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::harness::{Answer, Origin, Running, ask, free_port, whole};

struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    async fn start(http: &str, fill: impl Fn(&TempDir)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(&folder);
        let port = free_port();
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, whole(&folder, port, http)).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-e", "stderr", "-g", "daemon off; master_process off;", "-c"])
            .arg(&path)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("nginx is installed: apt-get install nginx-light");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let nginx = Self { child, address, _folder: folder };
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return nginx;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nginx does not listen");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What differs by design: the clock, names, how a connection ends, nginx's own pages, framing.
fn comparable(answer: &Answer, address: SocketAddr) -> (u16, Vec<(String, String)>, String) {
    let mut skipped = vec!["date", "server", "connection", "transfer-encoding", "content-length"];
    // What cannot be parsed has no page here, and a part of a file still tells that ranges are taken.
    match answer.status {
        400 => skipped.push("content-type"),
        206 => skipped.push("accept-ranges"),
        _ => {}
    }
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !skipped.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.replace(&address.to_string(), "ADDRESS")))
        .collect();
    headers.dedup();
    let body = answer.text().replace(&address.to_string(), "ADDRESS");
    let body = if answer.status == 400
        || body.contains("<hr><center>nginx")
        || body.contains("</h1></center>")
    {
        "a page".to_owned()
    } else {
        body
    };
    (answer.status, headers, body)
}

async fn compare(http: &str, fill: impl Fn(&TempDir), requests: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder);
    let ours = Running::start_in(folder, http).await;
    let nginx = Nginx::start(http, fill).await;
    for request in requests {
        let request = request.replace('\n', "\r\n");
        let one = comparable(&ours.ask(&request).await, ours.address);
        let other = comparable(&ask(nginx.address, request.as_bytes()).await, nginx.address);
        let one = format!("{one:#?}").replace(&ours.address.port().to_string(), "PORT");
        let other = format!("{other:#?}").replace(&nginx.address.port().to_string(), "PORT");
        assert_eq!(one, other, "ours and nginx's, for:\n{request}");
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\nHost: Harbor.Test:8080\nConnection: close\n\n")
}

async fn compare_paths(http: &str, paths: &[&str]) {
    let requests: Vec<String> = paths.iter().map(|path| get(path)).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    compare(http, |_| {}, &requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locations_are_chosen_in_the_same_order() {
    let http = r#"server { listen 127.0.0.1:{port};
        location = /exact { return 200 exact; }
        location / { return 200 root; }
        location /a { return 200 a; }
        location /a/b { return 200 ab; }
        location ^~ /final { return 200 final; }
        location ~ \.PHP$ { return 200 upper; }
        location ~* \.php$ { return 200 any; }
        location ~ ^/a/b/c { return 200 expression; }
        location /inside { internal; return 200 inside; }
        location /gone { return 410; }
        location /away { return 302 /elsewhere; }
        location /far { return 301 https://$host$request_uri; }
    }"#;
    let paths = [
        "/",
        "/exact",
        "/exact/",
        "/a",
        "/ab",
        "/a/b",
        "/a/b/c",
        "/a/b/cd?x=1",
        "/final.php",
        "/x.php",
        "/x.PHP",
        "/x.Php",
        "/inside",
        "/gone",
        "/away",
        "/far?a=b&c=%20",
        "/a/../exact",
        "/a//b",
        "/%61/b",
        "/a/./b",
        "/../x",
        "/a/b/..",
        "/a%2Fb",
        "/exact%00",
        "/x?y=.php",
    ];
    compare_paths(http, &paths).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_and_headers_reach_the_upstream_alike() {
    let origin = Origin::start().await;
    let http = format!(
        r#"upstream backend {{ server {address}; keepalive 4; }}
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header X-Outer outer;
        server {{ listen 127.0.0.1:{{port}}; server_name harbor.test;
            location / {{ proxy_pass http://backend; }}
            location /path/ {{ proxy_pass http://backend/other/; }}
            location /bare {{ proxy_pass http://backend/; }}
            location /own {{
                proxy_pass http://backend;
                proxy_set_header Connection "";
                proxy_set_header Host $http_host;
                proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Words "$scheme $host $server_name $server_port $request_method $uri $is_args$args";
                proxy_set_header X-Line "$request|$server_protocol|$proxy_host|$arg_a|$request_uri";
                proxy_set_header X-Gone "";
                proxy_set_header User-Agent "";
            }}
            location /slash/ {{ proxy_pass http://backend; }}
        }}"#,
        address = origin.address
    );
    let requests = [
        get("/x/../y?q=%41"),
        get("/path/a%20b/c?d"),
        get("/bare"),
        get("/bare/x"),
        get("/own/%7Ex?a=1&b"),
        get("/slash"),
        get("/slash?x=1"),
        "GET /own HTTP/1.1\nHost: h\nUser-Agent: me\nX-Gone: no\nX-Under_score: no\nX-Forwarded-For: 1.2.3.4\nConnection: close\nTE: trailers\nKeep-Alive: 5\n\n".to_owned(),
        "POST /own HTTP/1.1\nHost: h\nConnection: close\nContent-Length: 3\n\nabc".to_owned(),
        "GET http://Other.Test/own HTTP/1.1\nHost: h\nConnection: close\n\n".to_owned(),
        "GET /own HTTP/1.0\nConnection: close\n\n".to_owned(),
        "DELETE /x HTTP/1.1\nHost: h\nConnection: close\n\n".to_owned(),
    ];
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    compare(&http, |_| {}, &requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_alike() {
    let http = "server { listen 127.0.0.1:{port}; location / { return 200 fine; } }";
    let requests = [
        "GET / HTTP/1.1\nConnection: close\n\n",
        "GET / HTTP/1.1\nHost: a\nHost: b\nConnection: close\n\n",
        "GET / HTTP/1.1\nHost: a/b\nConnection: close\n\n",
        "GET / HTTP/1.1\nHost: a\nContent-Length: x\nConnection: close\n\n",
        "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\nConnection: close\n\n0\n\n",
        "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 5\nConnection: close\n\n0\n\n",
        "TRACE / HTTP/1.1\nHost: a\nConnection: close\n\n",
    ];
    compare(http, |_| {}, &requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_networks_and_real_addresses_are_alike() {
    let http = r#"
        set_real_ip_from 127.0.0.1;
        set_real_ip_from 10.0.0.0/8;
        real_ip_header X-Forwarded-For;
        real_ip_recursive on;
        geo $realip_remote_addr $near { default 0; 127.0.0.0/8 1; 127.0.0.1/32 2; }
        geo $net { default none; 10.0.0.0/8 ten; 10.1.0.0/16 ten-one; }
        map "$near $http_x_forwarded_proto" $proto { default $scheme; "2 https" https; ~^2.ftp odd; ~*^2.GOPHER old; }
        map $http_x_kind $kind { default other; ABC letters; "" empty; }
        server { listen 127.0.0.1:{port};
            location / { return 200 "$remote_addr|$realip_remote_addr|$near|$net|$proto|$kind"; }
        }"#;
    let headers = [
        "",
        "X-Forwarded-For: 192.0.2.1\n",
        "X-Forwarded-For: 192.0.2.1, 10.1.2.3\nX-Forwarded-Proto: https\n",
        "X-Forwarded-For: 10.9.9.9, 10.1.2.3\nX-Kind: abc\n",
        "X-Forwarded-For: nonsense, 10.1.2.3\nX-Forwarded-Proto: ftp\n",
        "X-Forwarded-For: 2001:db8::1\nX-Forwarded-Proto: gopher\n",
    ];
    let requests: Vec<String> = headers
        .iter()
        .map(|headers| format!("GET / HTTP/1.1\nHost: h\n{headers}Connection: close\n\n"))
        .collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    compare(http, |_| {}, &requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_same_pages_and_statuses() {
    let origin = Origin::start().await;
    let http = format!(
        r#"upstream backend {{ server {address}; }}
        upstream away {{ server 127.0.0.1:1; }}
        add_header X-Always outer always;
        add_header X-Sometimes outer;
        server {{ listen 127.0.0.1:{{port}};
            error_page 404 /missing.txt;
            location /kept {{ proxy_pass http://away; error_page 502 @json; }}
            location /own {{ proxy_pass http://away; error_page 502 = @json; }}
            location /fixed {{ proxy_pass http://away; error_page 502 =200 @json; }}
            location /plain {{ proxy_pass http://away; }}
            location /through/ {{ proxy_pass http://backend; error_page 500 @json; }}
            location /caught/ {{ proxy_pass http://backend; proxy_intercept_errors on; error_page 500 @json; }}
            location /url {{ return 403; error_page 403 https://elsewhere.test/; }}
            location = /missing.txt {{ default_type text/x-missing; return 200 "missing\n"; }}
            location @json {{ default_type application/json; add_header X-Json yes always; return 503 '{{"a":1}}\n'; }}
            location /limit {{ client_max_body_size 4; proxy_pass http://backend; }}
        }}"#,
        address = origin.address
    );
    let mut requests: Vec<String> = [
        "/kept",
        "/own",
        "/fixed",
        "/plain",
        "/through/say/status/500",
        "/caught/say/status/500",
        "/through/say/status/404",
        "/caught/say/status/404",
        "/url",
        "/nothing",
        "/missing.txt",
    ]
    .iter()
    .map(|path| get(path))
    .collect();
    requests.push(
        "POST /limit HTTP/1.1\nHost: h\nConnection: close\nContent-Length: 5\n\nabcde".to_owned(),
    );
    requests.push("HEAD /kept HTTP/1.1\nHost: h\nConnection: close\n\n".to_owned());
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    compare(&http, |_| {}, &requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_internal_redirects_are_alike() {
    let origin = Origin::start().await;
    let http = format!(
        r#"upstream backend {{ server {address}; }}
        server {{ listen 127.0.0.1:{{port}};
            location / {{ proxy_pass http://backend; }}
            location /_objects/ {{
                internal; alias {{folder}}/storage/; etag off; if_modified_since off; types {{ }}
                add_header ETag $upstream_http_etag;
                add_header Docker-Content-Digest $upstream_http_docker_content_digest always;
            }}
            location /static/ {{ alias {{folder}}/storage/; types {{ text/x-a a; }} }}
            location /rooted/ {{ root {{folder}}/storage; if_modified_since before; }}
            location = /one {{ alias {{folder}}/storage/file.a; }}
        }}"#,
        address = origin.address
    );
    let fill = |folder: &TempDir| {
        let storage = folder.path().join("storage/rooted");
        std::fs::create_dir_all(&storage).unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for name in ["storage/file.a", "storage/rooted/page.html"] {
            let path = folder.path().join(name);
            std::fs::write(&path, b"0123456789").unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
    };
    let mut requests = Vec::new();
    for path in ["/say/accel/file.a", "/static/file.a", "/rooted/page.html", "/one"] {
        for headers in [
            "",
            "Range: bytes=2-4\n",
            "Range: bytes=7-\n",
            "Range: bytes=-3\n",
            "Range: bytes=0-100\n",
            "Range: bytes=10-\n",
            "Range: lines=1-2\n",
            "Range: bytes=1-2\nIf-Range: \"sha256:0123\"\n",
            "Range: bytes=1-2\nIf-Range: \"3b9aca00-a\"\n",
            "Range: bytes=1-2\nIf-Range: Sun, 09 Sep 2001 01:46:40 GMT\n",
            "If-None-Match: \"3b9aca00-a\"\n",
            "If-None-Match: W/\"3b9aca00-a\", \"x\"\n",
            "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\n",
            "If-Modified-Since: Fri, 09 Sep 2005 01:46:40 GMT\n",
            "If-Match: \"other\"\n",
            "If-Unmodified-Since: Thu, 09 Sep 1999 01:46:40 GMT\n",
        ] {
            requests.push(format!("GET {path} HTTP/1.1\nHost: h\nConnection: close\n{headers}\n"));
        }
        requests.push(format!("HEAD {path} HTTP/1.1\nHost: h\nConnection: close\n\n"));
    }
    requests.push(get("/static/none"));
    requests.push(get("/_objects/file.a"));
    requests.push(
        "POST /static/file.a HTTP/1.1\nHost: h\nConnection: close\nContent-Length: 0\n\n"
            .to_owned(),
    );
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    compare(&http, fill, &requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_chosen_by_name_alike() {
    let http = r#"
        server { listen 127.0.0.1:{port}; server_name a.test *.b.test; return 200 a; }
        server { listen 127.0.0.1:{port} default_server; server_name _; return 200 default; }
        server { listen 127.0.0.1:{port}; server_name .c.test *.x.b.test; return 200 c; }"#;
    let hosts = [
        "a.test",
        "A.TEST:99",
        "b.test",
        "q.b.test",
        "q.x.b.test",
        "c.test",
        "d.c.test",
        "other",
        "127.0.0.1",
    ];
    let requests: Vec<String> = hosts
        .iter()
        .map(|host| format!("GET / HTTP/1.1\nHost: {host}\nConnection: close\n\n"))
        .collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    compare(http, |_| {}, &requests).await;
}

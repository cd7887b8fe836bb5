//! Files as operators write them, and as they should not.

use proptest::prelude::{ProptestConfig, proptest};

use super::parse;
use crate::config::build::from_tree;
use crate::config::tree::Directive;

fn shown(directives: &[Directive]) -> String {
    let one = |directive: &Directive| {
        let mut words = vec![directive.name().to_owned()];
        words.extend(directive.args.iter().map(|word| format!("<{}>", word.text)));
        match &directive.block {
            Some(block) => format!("{} {{{}}}", words.join(" "), shown(block)),
            None => words.join(" "),
        }
    };
    directives.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn check(text: &str, tree: &str) {
    assert_eq!(shown(&parse(text).unwrap()), tree);
}

/// The whole message about `text`, which stands inside `server` and on line 2.
#[track_caller]
fn refused(text: &str, message: &str) {
    let text = format!("events {{}} http {{ server {{ listen 80;\n{text}\n}} }}");
    let tree = parse(&text).and_then(|tree| from_tree(&tree, "nginx.conf".as_ref()));
    let error = match tree {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(message), "{error}");
}

#[test]
fn words_quotes_and_escapes_are_nginx_s() {
    check("a b;c  'd e'\t\"f;{}\";", "a <b>; c <d e> <f;{}>");
    check(r#"a "\"" '\'' \\ x\.y "\t";"#, "a <\"> <'> <\\> <x\\.y> <\t>");
    check("a ${b}c d$e;", "a <${b}c> <d$e>");
    check("a b#c; # d;\n#e {\nf;", "a <b#c>; f");
    check("a{b c;d{}}", "a {b <c>; d {}}");
    // As in nginx, an expression with braces needs quotes.
    check("location ~ '^/a\\d{2}$' {}", "location <~> <^/a\\d{2}$> {}");
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    for (text, message) in [
        ("a b", "nginx.conf:1:1: `a` is not ended"),
        ("a {\n b;", "nginx.conf:1:3: this \"{\" is never closed"),
        ("a;\n  }", "nginx.conf:2:3: unexpected \"}\""),
        ("\n\n  ;", "nginx.conf:3:3: unexpected \";\""),
        ("a \"b", "nginx.conf:1:3: this \" is never closed"),
        ("a \"b\"c;", "nginx.conf:1:6: a space or \";\" must follow"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn deep_nesting_is_refused_rather_than_followed() {
    let text = "a {".repeat(100_000);
    assert!(parse(&text).unwrap_err().to_string().contains("nested deeper"));
}

#[test]
fn directives_are_refused_with_the_remedy() {
    refused(
        "proxy_pas http://a;",
        "nginx.conf:2:1: unknown directive `proxy_pas`; did you mean `proxy_pass`?",
    );
    refused("quux 1;", "docs/proxy.md lists those that there are");
    refused("proxy_pass http://a;", "`proxy_pass` may not stand here, but in `location`");
    refused("server_tokens;", "`server_tokens` takes 1 arguments, not 0");
    refused(
        "server_tokens off; server_tokens on;",
        "nginx.conf:2:20: `server_tokens` stands twice",
    );
    refused("server_tokens yes;", "nginx.conf:2:15: `yes` is neither `on` nor `off`");
    refused("send_timeout 5x;", "is not a time such as `60s`");
    refused("client_max_body_size 5q;", "is not a size such as `8k`");
    refused("location / { proxy_pass https://a; }", "upstreams are spoken to without TLS");
    refused(
        "location / { proxy_pass http://a/b; } location ~ x { proxy_pass http://a/b; }",
        "a path cannot be given here",
    );
    refused("location /a { } location /a { }", "stands twice");
    refused("location ~ ( { }", "is not an expression");
    refused("add_header A $nothing;", "unknown variable `$nothing`");
    refused("add_header A $remote_adr;", "did you mean `$remote_addr`?");
    refused("error_page 502 @none;", "there is no such location");
    refused("return 301;", "a redirect needs its URL");
    refused("access_log /dev/stdout combind;", "did you mean `combined`?");
    refused("listen 81 ssl;", "needs `ssl_certificate`");
    refused("listen 82 http2;", "`http2` needs `ssl`");
    refused("gzip on;", "`gzip` can only be `off`");
    refused("set_real_ip_from 10.0.0.0/40;", "is not a network");
    refused("location / { alias relative; }", "is not an absolute path");
    refused("} map $host $x { a $y; } map $host $y { a $x; } server {", "break the circle");
    refused("} upstream u { } server {", "has no `server`");
}

#[test]
fn what_is_included_takes_the_place_of_the_directive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    std::fs::create_dir(folder.path().join("conf.d")).unwrap();
    std::fs::write(folder.path().join("conf.d/b.conf"), "b;").unwrap();
    std::fs::write(folder.path().join("conf.d/a.conf"), "a;").unwrap();
    std::fs::write(folder.path().join("conf.d/.hidden.conf"), "hidden;").unwrap();
    std::fs::write(&path, "x { include conf.d/*.conf; } include none/*.conf;").unwrap();
    assert_eq!(shown(&super::read(&path).unwrap()), "x {a; b}");
    std::fs::write(&path, "include other.conf;").unwrap();
    assert!(super::read(&path).unwrap_err().to_string().contains("nginx.conf:1:9: cannot include"));
    std::fs::write(&path, "include nginx.conf;").unwrap();
    assert!(super::read(&path).unwrap_err().to_string().contains("nested deeper"));
}

#[test]
fn patterns_fit_names_as_in_a_shell() {
    let fits = |pattern: &str, name: &str| {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        super::fits(&chars(pattern), &chars(name))
    };
    assert!(fits("*.conf", "a.conf") && fits("a?c*", "abcd") && fits("*a*b*", "xaybz"));
    assert!(!fits("*.conf", "a.conf~") && !fits("?", "") && !fits("a*b", "ac"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,300}") {
        if let Ok(tree) = parse(&text) {
            drop(from_tree(&tree, "nginx.conf".as_ref()));
        }
    }

    #[test]
    fn no_arrangement_of_known_words_makes_the_builder_panic(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "http", "server", "location", "map", "geo", "upstream", "listen", "return", "error_page", "proxy_pass",
            "{", "}", ";", ";", "80", "/", "=", "~", "$host", "$x", "\"$\"", "http://a/b", "@n", "off", "200", "default",
            "events { }", "add_header", "1.2.3.4/33", "~*(", "0", "1w1w", "99999999999g", "ssl", "keepalive",
            "proxy_set_header", "log_format", "access_log", "types", "include", "root", "alias", "set_real_ip_from",
        ]), 0..60)) {
        let text = format!("events {{}} http {{ server {{ {} }} }}", words.join(" ").replace("include", "includes"));
        if let Ok(tree) = parse(&text) {
            drop(from_tree(&tree, "nginx.conf".as_ref()));
        }
    }
}

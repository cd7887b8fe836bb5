//! Tables from reports written by hand.

use super::*;

fn report(server: &str, round: u32, work: &str, operations: u64) -> String {
    format!(
        r#"{{"server":"{server}","round":{round},"work":"{work}","upload":"patch","concurrency":8,"rate":null,
        "skipped":"","operations":{operations},"requests":{operations},"bytes":1000,"errors":0,"first_error":null,
        "seconds":2.0,"latency_ms":{{"p50":1.0,"p90":2.0,"p99":3.0,"max":4.0}},
        "cost":{{"server_cpu_seconds":1.0,"client_cpu_seconds":0.5,"other_cpu_seconds":0.1}},
        "memory":{{"rss":51200,"pss":40960,"peak":61440}}}}"#
    )
}

fn line<'a>(page: &'a str, start: &str) -> &'a str {
    page.lines().find(|line| line.starts_with(start)).expect("the line is there")
}

fn missed(summary: &Summary) -> Vec<String> {
    let missed = targets::missed(summary).into_iter();
    missed.map(|(server, key)| format!("{server} {key}")).collect()
}

#[test]
fn a_ratio_is_that_of_the_medians() {
    let reports = [(1, 400), (2, 9000), (3, 600)]
        .map(|(round, operations)| report(OURS, round, "image-push", operations));
    let peers = [(1, 100), (2, 120), (3, 90)]
        .map(|(round, operations)| report(BARE, round, "image-push", operations));
    let summary = Summary::new(reports.into_iter().chain(peers).collect());
    let page = page(&summary, &["Machine=a test".to_owned()]);
    assert!(page.contains("- Machine: a test\n"), "{page}");
    assert_eq!(
        line(&page, "| small image push"),
        "| small image push by PATCH | 8 | harbor ≥ 3× docker-registry | 6.00× | 0.25 | reached |"
    );
    assert_eq!(
        line(&page, "| image-push (patch) | 8 | 300/s"),
        "| image-push (patch) | 8 | 300/s | 50/s | – | 6.00× | – |"
    );
}

#[test]
fn a_target_that_is_missed_is_said_to_be() {
    let reports = [("image-pull", 499), ("image-push", 299), ("blob-head", 1)]
        .map(|(work, operations)| [report(OURS, 1, work, operations), report(BARE, 1, work, 100)]);
    let summary = Summary::new(reports.concat());
    assert_eq!(
        line(&page(&summary, &[]), "| small image pull"),
        "| small image pull | 8 | harbor ≥ 5× docker-registry | 4.99× | 0.25 | **falls short** |"
    );
    assert_eq!(missed(&summary), ["harbor image-push:8:patch", "harbor image-pull:8"]);
}

#[test]
fn memory_is_judged_by_the_worst_moment() {
    let idle = r#"{"server":"harbor","round":1,"memory":{"rss":46080,"pss":1024,"peak":46080}}"#;
    let reports = vec![report(OURS, 1, "image-pull", 499), idle.to_owned()];
    let page = page(&Summary::new(reports), &[]);
    let load = line(&page, "| memory under load, RSS");
    assert!(load.ends_with("| harbor ≤ 120 MiB | 60 MiB | | reached |"), "{page}");
    let idle = line(&page, "| memory idle, RSS");
    assert!(idle.ends_with("| harbor ≤ 40 MiB | 45 MiB | | **falls short** |"), "{page}");
    assert_eq!(line(&page, "| harbor |"), "| harbor | 45 | 1 | 60 | 40 |");
}

#[test]
fn a_server_that_was_not_measured_leaves_dashes() {
    let page = page(&Summary::new(vec![report(BARE, 1, "image-pull", 10)]), &[]);
    assert!(line(&page, "| small image pull").ends_with("| – | | not measured |"));
    assert!(line(&page, "| memory idle").ends_with("| – | | not measured |"));
    assert_eq!(
        line(&page, "| image-pull | 8 | – | 5/s"),
        "| image-pull | 8 | – | 5/s | – | – | – |"
    );
}

#[test]
fn a_ratio_with_errors_is_no_result() {
    let failed = report(OURS, 1, "image-pull", 900).replace(r#""errors":0"#, r#""errors":2"#);
    let page = page(&Summary::new(vec![failed, report(BARE, 1, "image-pull", 10)]), &[]);
    assert!(line(&page, "| small image pull").ends_with("| – | 0.25 | **had errors** |"));
}

#[test]
fn the_chain_is_compared_with_the_chain() {
    let reports = vec![
        report(DEPLOYMENT, 1, "image-pull", 500),
        report(CHAINED, 1, "image-pull", 100),
        report(DEPLOYMENT_TLS, 1, "image-pull", 390),
        report(CHAINED_TLS, 1, "image-pull", 100),
    ];
    let summary = Summary::new(reports);
    let page = page(&summary, &[]);
    for (wanted, verdict) in [
        ("deployment ≥ 5× docker-registry-nginx", "5.00× | 0.25 | reached"),
        ("deployment-tls ≥ 5× docker-registry-nginx-tls", "3.90× | 0.25 | **falls short**"),
    ] {
        let line = format!("| small image pull | 8 | {wanted} | {verdict} |\n");
        assert!(page.contains(&line), "{page}");
    }
    assert_eq!(missed(&summary), ["deployment-tls image-pull:8"]);
    assert!(page.contains("## The whole chain, over TLS\n"), "{page}");
    assert!(!page.contains("## One process\n"), "{page}");
}

#[test]
fn a_blob_may_cost_a_share_of_the_others_cpu_time() {
    let ours = report(DEPLOYMENT, 1, "blob-pull-128m", 100);
    let summary = |operations| {
        Summary::new(vec![ours.clone(), report(CHAINED, 1, "blob-pull-128m", operations)])
    };
    let start = "| CPU time of a 128 MiB blob pull | 8 | deployment ≤ 0.3× docker-registry-nginx";
    let line = |operations| line(&page(&summary(operations), &[]), start).to_owned();
    assert!(line(25).ends_with("| 0.25× | 0.25 | reached |"), "{}", line(25));
    assert!(line(50).ends_with("| 0.50× | 0.25 | **falls short** |"), "{}", line(50));
}

#[test]
fn a_hop_is_what_the_proxy_adds_with_one_connection() {
    let single = |server, p50| {
        let report = report(server, 1, "manifest-get-tag", 100);
        report.replace(r#""concurrency":8"#, r#""concurrency":1"#).replace(r#""p50":1.0"#, p50)
    };
    let many = [DEPLOYMENT, DIRECT].map(|server| report(server, 1, "manifest-get-tag", 100));
    let start = "| what the proxy adds";
    let none = page(&Summary::new(many.to_vec()), &[]);
    assert!(line(&none, start).ends_with("| – | | not measured |"), "{none}");
    let direct = single(DIRECT, r#""p50":0.25"#);
    for (p50, verdict) in [
        (r#""p50":0.5"#, "| +0.250 ms | | reached |"),
        (r#""p50":0.75"#, "| +0.500 ms | | **falls short** |"),
    ] {
        let one = [single(DEPLOYMENT, p50), direct.clone()];
        let page = page(&Summary::new([many.as_slice(), one.as_slice()].concat()), &[]);
        assert!(line(&page, start).ends_with(verdict), "{page}");
    }
}

#[test]
fn processes_that_share_pages_are_judged_by_what_they_hold_together() {
    let reports = vec![report(DEPLOYMENT, 1, "image-pull", 1)];
    let page = page(&Summary::new(reports), &[]);
    let line = line(&page, "| memory under load, PSS");
    assert!(line.ends_with("| deployment ≤ 150 MiB | 40 MiB | | reached |"), "{page}");
}

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
        "| small image push by PATCH | 8 | ≥ 3× docker-registry | 6.00× | reached |"
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
        "| small image pull | 8 | ≥ 5× docker-registry | 4.99× | **falls short** |"
    );
    let missed: Vec<String> = targets::missed(&summary).iter().map(ToString::to_string).collect();
    assert_eq!(missed, ["image-pull:8", "image-push:8:patch"]);
}

#[test]
fn memory_is_judged_by_the_worst_moment() {
    let idle = r#"{"server":"harbor","round":1,"memory":{"rss":46080,"pss":1024,"peak":46080}}"#;
    let reports = vec![report(OURS, 1, "image-pull", 499), idle.to_owned()];
    let page = page(&Summary::new(reports), &[]);
    assert!(line(&page, "| memory under load").ends_with("| 60 MiB | reached |"), "{page}");
    assert!(line(&page, "| memory idle").ends_with("| 45 MiB | **falls short** |"), "{page}");
    assert_eq!(line(&page, "| harbor |"), "| harbor | 45 | 1 | 60 | 40 |");
}

#[test]
fn a_server_that_was_not_measured_leaves_dashes() {
    let page = page(&Summary::new(vec![report(BARE, 1, "image-pull", 10)]), &[]);
    assert!(line(&page, "| small image pull").ends_with("| – | not measured |"));
    assert!(line(&page, "| memory idle").ends_with("| – | not measured |"));
}

#[test]
fn a_ratio_with_errors_is_no_result() {
    let failed = report(OURS, 1, "image-pull", 900).replace(r#""errors":0"#, r#""errors":2"#);
    let page = page(&Summary::new(vec![failed, report(BARE, 1, "image-pull", 10)]), &[]);
    assert!(line(&page, "| small image pull").ends_with("| – | **had errors** |"));
}

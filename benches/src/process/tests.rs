//! Lines as Linux writes them.

use super::*;

fn stat(pid: u32, parent: u32, times: [u64; 4]) -> String {
    let [user, system, child_user, child_system] = times;
    format!(
        "{pid} (a (strange) name) S {parent} 1 1 0 -1 4194560 9 9 9 9 {user} {system} {child_user} {child_system} \
         20 0 4 0 100 1000 200 18446744073709551615\n"
    )
}

#[test]
fn cpu_time_is_that_of_the_process_and_its_waited_children() {
    let stat = Stat::parse(&stat(7, 1, [150, 50, 20, 5])).expect("a stat line");
    assert_eq!(stat.parent, 1);
    assert!((stat.cpu_seconds() - 2.25).abs() < 1e-9);
}

#[test]
fn a_cut_stat_line_is_refused() {
    assert!(Stat::parse("7 (name) S 1 1 1").is_err());
    assert!(Stat::parse("").is_err());
}

#[test]
fn a_server_is_its_roots_and_their_descendants() {
    let line = |pid, parent| (pid, Stat::parse(&stat(pid, parent, [0; 4])).expect("a stat line"));
    let everything = BTreeMap::from([line(1, 0), line(5, 1), line(6, 5), line(7, 6), line(8, 1)]);
    let tree = descendants(&[5], everything);
    assert_eq!(tree.keys().copied().collect::<Vec<_>>(), [5, 6, 7]);
}

#[test]
fn idle_and_disk_wait_are_not_work() {
    let text = "cpu  100 20 30 9000 800 1 2 3 50 0\ncpu0 1 1 1 1\n";
    assert!((stat::busy_seconds(text).expect("a cpu line") - 1.56).abs() < 1e-9);
}

#[test]
fn memory_is_read_from_both_files() {
    let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
    let rollup = "7ff-8ff ---p 00000000 00:00 0 [rollup]\nRss:            10240 kB\nPss:             9216 kB\n";
    let memory = Memory::parse(status, rollup).expect("memory");
    assert_eq!(memory, Memory { rss: 10240, pss: 9216, peak: 20480 });
    assert_eq!(Memory::parse("", "").expect("no memory"), Memory::default());
}

#[test]
fn this_program_uses_some_of_the_machine() {
    let server = Server::new(&[std::process::id()], &[]);
    assert!(server.memory().expect("memory").rss > 0);
    assert!(machine_cpu_seconds().expect("time") >= own_cpu_seconds().expect("time"));
}

#[test]
fn a_database_costs_time_and_no_memory() {
    let nobody = u32::MAX;
    let server = Server::new(&[nobody], &[std::process::id()]);
    assert_eq!(server.memory().expect("memory"), Memory::default());
    assert!(server.cpu_seconds().expect("time") >= 0.0);
    assert_eq!(server.tree(&server.databases).expect("a tree").len(), 1);
}

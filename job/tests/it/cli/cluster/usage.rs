//! What keeps processes from working together.

use super::super::Folder;
use super::{Cluster, put_hosts, spawned};
use std::net::TcpListener;

#[test]
fn what_cannot_be_is_refused_at_the_start() {
    let folder = Folder::new();
    put_hosts(&folder, 2);
    folder.put("names", b"one.example\ntwo.example\n");
    let check = |flags: &str, part: &str| {
        folder.refused(&format!("job --data-dir d {flags}"), 2, &["error: ", part]);
        assert!(!folder.path("d").exists(), "{flags}: something was made");
    };
    check("-n 2 -p 2 -h hosts", "-p 2 is none of 2 processes: they are 0 to 1");
    check("-p 1", "-p 1 is none of 1 processes: they are 0 to 0");
    check("-n 3 -h hosts", "it has 2 hosts, and -n says 3");
    check("-n 2 -h nowhere", "-h nowhere: cannot read the host file: No such file");
    check("-n 2 -h names", "host 1 is `one.example`, and should be `host:port`");
    check("-n 0", "1..=1000");
    check("-n 2 -h hosts -w 0", "--workers 0: all processes must have the same number");
    check("-n 2 -h hosts -w 300", "the nearest valid value is `256`");
}

#[test]
fn a_port_in_use_is_named() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    folder.put("hosts", format!("{address}\nlocalhost:1\n").as_bytes());
    let line = "job -n 2 -p 0 -h hosts -w 1 --data-dir d";
    let said = format!("process 0 cannot listen on {address}: Address already in use");
    folder.refused(line, 1, &[&said, "Host 1 of the host file is for this process"]);
}

#[test]
fn others_than_this_are_refused_by_name() {
    let check = |flags: &str, zero: &str, one: &str| loop {
        let folder = Folder::new();
        folder.put("other.toml", b"[time]\nlateness = \"20m\"\n");
        put_hosts(&folder, 2);
        let first = "job -n 2 -p 0 -h hosts -w 1 --data-dir d";
        let second = format!("job -n 2 -p 1 -h hosts {flags}");
        let start = [(first, "said-0"), (&second, "said-1")];
        let mut cluster = Cluster(start.map(|(line, name)| spawned(&folder, line, name)).into());
        let states = cluster.ended(&folder);
        let said = cluster.said(&folder);
        if said.iter().any(|said| said.contains("cannot listen")) {
            continue;
        }
        assert!(states.iter().all(|status| status.code() == Some(2)), "{states:?} {said:?}");
        assert!(said[0].contains("error: process 1 (127.0.0.1:"), "{said:?}");
        assert!(said[0].contains(zero), "{said:?}");
        assert!(said[1].contains("error: process 0 (127.0.0.1:"), "{said:?}");
        assert!(said[1].contains(one), "{said:?}");
        return;
    };
    check(
        "-w 1 --config other.toml",
        "has other settings (time.lateness: 1200000, here 600000)",
        "has other settings (time.lateness: 600000, here 1200000)",
    );
    check("-w 2", "has 2 workers, this one 1; say -w with each", "has 1 workers, this one 2");
}

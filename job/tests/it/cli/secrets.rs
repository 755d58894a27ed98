//! A shop over a Kafka that demands TLS and a password, as users have it: it works, and in
//! nothing that is said, shown or kept is that password, or the token of an InfluxDB.
//!
//! It needs such a broker (see `crate::secured`).

use super::influx::{get, until};
use super::{Folder, ended, signal};
use crate::secured::Env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const TOKEN: &str = "open-sesame-4711";
const WRONG: &str = "no-sesame-1147";
/// What is refused must say so by then.
const SOON: Duration = Duration::from_secs(40);

/// A shop, and all that its programs have said.
struct Shop {
    folder: Folder,
    env: Env,
    /// Variables of every run.
    variables: Vec<(&'static str, String)>,
    said: Vec<(String, String)>,
}

impl Shop {
    /// The settings are in the file but for the secrets; `in_file.toml` has these, too.
    fn new() -> Self {
        let (folder, env) = (Folder::new(), Env::read());
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).expect("now").as_nanos();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let nobody = listener.local_addr().expect("a port");
        let kafka = format!(
            "[log]\nkind = \"kafka\"\n[store]\nkind = \"influxdb\"\n[checkpoint]\nevery = \"1s\"\n\
             [kafka]\nbrokers = \"{}\"\ntopic = \"shop-{nanos}-events\"\nprefix = \"shop-{nanos}-\"\n\
             security = \"SASL_SSL\"\nmechanism = \"SCRAM-SHA-512\"\nusername = \"{}\"\nca_file = \"{}\"\n",
            env.get("SCRAM"),
            env.get("USERNAME"),
            env.get("CA_FILE"),
        );
        let influx = format!("[influxdb]\nurl = \"http://{nobody}\"\n");
        folder.put("streamgauge.toml", format!("{kafka}{influx}").as_bytes());
        let password = env.get("PASSWORD");
        let secret = format!("{kafka}password = \"{password}\"\n{influx}token = \"{TOKEN}\"\n");
        folder.put("in_file.toml", secret.as_bytes());
        let mut shop = Self { folder, env, variables: Vec::new(), said: Vec::new() };
        shop.secrets_in_variables();
        shop
    }

    fn secrets_in_variables(&mut self) {
        let password = self.env.get("PASSWORD").to_owned();
        self.with(&[
            ("STREAMGAUGE_KAFKA__PASSWORD", &password),
            ("STREAMGAUGE_INFLUXDB__TOKEN", TOKEN),
        ]);
    }

    /// From here on with these variables, and those that make others talk.
    fn with(&mut self, variables: &[(&'static str, &str)]) {
        let loud = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")];
        let all = variables.iter().chain(&loud);
        self.variables = all.map(|(name, value)| (*name, (*value).to_owned())).collect();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.folder.command(line);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn start(&self, line: &str) -> Child {
        self.command(line).spawn().expect(line)
    }

    /// Notes what a run has said; gives it.
    fn note(&mut self, child: Child, line: &str, code: i32) -> String {
        let began = Instant::now();
        let ran = ended(child, line);
        let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), ran.stderr);
        assert_eq!(ran.code, Some(code), "{line}: {text}");
        println!("{line}: {:.1} s", began.elapsed().as_secs_f64());
        self.said.push((line.to_owned(), text.clone()));
        text
    }

    fn run(&mut self, line: &str, code: i32) -> String {
        self.note(self.start(line), line, code)
    }

    /// Runs what looks at everything, and finds nothing wrong but that no InfluxDB is there.
    fn finds_no_influxdb(&mut self, line: &str) {
        let text = self.run(line, 1);
        let is_problem = |line: &&str| line.starts_with("PROBLEM");
        let problems: Vec<_> = text.lines().filter(is_problem).collect();
        let is_it = problems.len() == 1 && problems[0].contains("cannot use InfluxDB");
        assert!(is_it, "{line}: {text}");
    }

    /// Runs what is not let in: it ends soon, and says what is wrong.
    fn refused(&mut self, line: &str) {
        let began = Instant::now();
        let text = self.run(line, 1);
        assert!(
            text.contains("uthentication failed") && text.contains("`kafka.password`"),
            "{text}"
        );
        assert!(began.elapsed() < SOON, "{line} took {:?}: {text}", began.elapsed());
    }

    fn stop(&mut self, child: Child, line: &str) -> String {
        signal(child.id(), "TERM");
        self.note(child, line, 0)
    }

    /// Holds all that was said, and all that was written, against the secrets.
    fn check(&self) {
        let secrets = [self.env.get("PASSWORD"), TOKEN, WRONG];
        for (what, text) in &self.said {
            let shown = secrets.iter().any(|secret| text.contains(secret));
            assert!(!shown, "a secret is in what `{what}` has said");
        }
        let has = |bytes: &[u8]| {
            secrets.iter().any(|s| bytes.windows(s.len()).any(|part| part == s.as_bytes()))
        };
        let mut files = 0;
        each_file(&self.folder.path("d"), &mut |path| {
            files += 1;
            assert!(!has(&fs::read(path).expect("a file")), "a secret is in {}", path.display());
        });
        println!("{} texts and {files} files have no secret", self.said.len());
        assert!(files > 3 && self.said.len() > 20);
    }
}

fn each_file(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { each_file(&path, each) } else { each(&path) }
    }
}

#[test]
#[ignore = "needs a secured Kafka: deploy/dev/kafka.sh start --secured"]
fn kafka_secured_has_a_shop_and_its_secrets_are_nowhere() {
    let mut shop = Shop::new();
    let config = shop.run("config", 0);
    assert!(config.contains("password = \"********\"") && config.contains("token = \"********\""));
    let nothing = shop.run("check", 1);
    assert!(nothing.contains("processed-metrics is missing"), "{nothing}");
    for line in ["topics create", "topics check", "topics describe"] {
        shop.run(line, 0);
    }
    shop.finds_no_influxdb("check");
    shop.run("simulate --to log --data-dir d --events 1000 --rate 500", 0);
    let job = shop.start("job --data-dir d --workers 1");
    wait_for_job(&shop);
    shop.finds_no_influxdb("doctor --data-dir d");
    shop.run("doctor --data-dir d --json", 1);
    look_at_the_gateway(&mut shop, "gateway --data-dir d --listen 127.0.0.1:0");
    shop.stop(job, "job");
    shop.run("checkpoint list --data-dir d", 0);
    shop.run("dlq list --data-dir d", 0);
    shop.run("replay --from log --data-dir d --to none --verify", 0);

    // The same by the file alone.
    shop.with(&[("STREAMGAUGE_CONFIG", "in_file.toml")]);
    for line in ["config", "topics check", "topics describe"] {
        shop.run(line, 0);
    }
    shop.finds_no_influxdb("check");
    let job = shop.start("job --data-dir d --workers 1");
    wait_for_job(&shop);
    shop.finds_no_influxdb("doctor --data-dir d");
    look_at_the_gateway(&mut shop, "gateway --data-dir d --listen 127.0.0.1:0");
    shop.stop(job, "job");
    shop.run("replay --from log --data-dir d --to none --verify", 0);

    // A wrong password, beside the right one.
    shop.with(&[
        ("STREAMGAUGE_CONFIG", "in_file.toml"),
        ("STREAMGAUGE_KAFKA__PASSWORD", WRONG),
        ("STREAMGAUGE_INFLUXDB__TOKEN", WRONG),
    ]);
    shop.refused("topics check");
    shop.refused("topics create");
    shop.refused("job --data-dir d");
    shop.refused("simulate --to log --data-dir d --events 10");
    shop.refused("replay --from log --data-dir d --to none");
    shop.refused("gateway --data-dir d --listen 127.0.0.1:0");
    shop.refused("doctor --data-dir d");
    shop.refused("doctor --data-dir d --json");
    nobody_is_there(&mut shop);
    shop.check();
}

/// Another broker, where nobody is: it is waited for, or said.
fn nobody_is_there(shop: &mut Shop) {
    let password = shop.env.get("PASSWORD").to_owned();
    shop.with(&[
        ("STREAMGAUGE_KAFKA__PASSWORD", &password),
        ("STREAMGAUGE_INFLUXDB__TOKEN", TOKEN),
        ("STREAMGAUGE_KAFKA__BROKERS", "127.0.0.1:1"),
    ]);
    let text = shop.run("topics check", 1);
    assert!(text.contains("Connection refused"), "{text}");
    shop.run("doctor --data-dir d", 1);
    let job = shop.start("job --data-dir d");
    thread::sleep(Duration::from_secs(8));
    signal(job.id(), "TERM");
    let ran = ended(job, "job");
    assert!(ran.stderr.contains("waiting for it"), "{}", ran.stderr);
    shop.said.push(("job of nobody".to_owned(), ran.stderr));
}

fn wait_for_job(shop: &Shop) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let line = "doctor --data-dir d";
        let ran = ended(shop.start(line), line);
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        if text.contains("job: live") {
            return;
        }
        assert!(Instant::now() < end, "no job is live: {text}{}", ran.stderr);
        thread::sleep(Duration::from_millis(500));
    }
}

/// Starts a gateway, gets its pages, and ends it.
fn look_at_the_gateway(shop: &mut Shop, line: &str) {
    let mut child = shop.start(line);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut greeting = String::new();
    let address = loop {
        let from = greeting.len();
        assert!(stderr.read_line(&mut greeting).expect(line) > 0, "{greeting}");
        if let Some((_, rest)) = greeting[from..].split_once("http://") {
            let is_end = |c: char| c == ',' || c == '/' || c.is_whitespace();
            break rest.split(is_end).next().expect("an address").to_owned();
        }
    };
    child.stderr = Some(stderr.into_inner());
    let ready = until(&address, "/readyz", "InfluxDB is not written");
    shop.said.push(("/readyz".to_owned(), ready));
    let paths = [
        "/",
        "/metrics",
        "/healthz",
        "/no/such/page",
        "/api/v1/snapshot",
        "/api/v1/history?metrics=activeUsers",
        "/api/v1/days/today",
        "/api/v1/explain?key=x",
        "/api/v1/funnels",
    ];
    for path in paths {
        let answer = get(&address, path);
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
        shop.said.push((path.to_owned(), answer));
    }
    shop.said.push(("greeting".to_owned(), greeting));
    shop.stop(child, line);
}

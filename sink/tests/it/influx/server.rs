//! A server that behaves as InfluxDB does, as far as a feed can tell, and fails as it is
//! told to.

use flate2::read::GzDecoder;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// A request as it came, its body unpacked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Method and path with query.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What becomes of a request that writes, instead of what should.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered so: status, headers, body.
    Answer(u16, &'static str, &'static str),
    /// It is not answered.
    Silence,
    /// Its connection ends.
    End,
}

/// What the server is made to know.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) requests: Vec<Request>,
    pub(crate) faults: VecDeque<Fault>,
    /// Points by series and time, with their fields.
    pub(crate) points: BTreeMap<String, String>,
    /// Texts in lines that cannot be parsed.
    pub(crate) unparsable: Vec<&'static str>,
    /// Texts in lines whose fields conflict, with what is said of them.
    pub(crate) conflicts: Vec<(&'static str, &'static str)>,
    /// The token that is taken, if not any is.
    pub(crate) token: Option<String>,
    /// Answers to what is asked of the bucket, by part of the path.
    pub(crate) answers: BTreeMap<&'static str, (u16, &'static str)>,
}

/// The server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

pub(crate) const BUCKET: &str = r#"{"buckets":[{"id":"b1","orgID":"o1","type":"user","name":"metrics","retentionRules":[{"type":"expire","everySeconds":2592000,"shardGroupDurationSeconds":86400}],"labels":[]}]}"#;

impl Server {
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, state: Arc::default() };
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(stream.unwrap()));
            }
        });
        server
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// Bodies of the requests whose line has this.
    pub(crate) fn bodies(&self, part: &str) -> Vec<String> {
        let state = self.state();
        let some = state.requests.iter().filter(|request| request.line.contains(part));
        some.map(|request| request.body.clone()).collect()
    }

    pub(crate) fn points(&self) -> usize {
        self.state().points.len()
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(request) = read(&stream) else { return };
        match self.answer(request) {
            Fault::Answer(code, headers, body) => respond(&mut stream, code, headers, body),
            Fault::Silence => thread::sleep(Duration::from_secs(5)),
            Fault::End => {}
        }
    }

    fn answer(&self, request: Request) -> Fault {
        let mut state = self.state();
        state.requests.push(request.clone());
        let path = request.line.as_str();
        let own = state.answers.iter().find(|(part, _)| path.contains(*part));
        if let Some((_, (code, body))) = own {
            return Fault::Answer(*code, "", body);
        }
        if let Some(token) = &state.token
            && request.headers.get("authorization") != Some(&format!("Token {token}"))
        {
            let body = r#"{"code":"unauthorized","message":"unauthorized access"}"#;
            return Fault::Answer(401, "", body);
        }
        if path.starts_with("POST /api/v2/write") || path.starts_with("POST /api/v2/delete") {
            if let Some(fault) = state.faults.pop_front() {
                return fault;
            }
            return match path.contains("/write") {
                true => write(&mut state, &request.body),
                false => Fault::Answer(204, "", ""),
            };
        }
        match path {
            _ if path.starts_with("GET /api/v2/buckets") => Fault::Answer(200, "", BUCKET),
            _ if path.starts_with("POST /api/v2/query") => Fault::Answer(200, "", "\r\n"),
            _ => Fault::Answer(200, "", "{}"),
        }
    }
}

/// Keeps lines as InfluxDB does: all or none where one cannot be parsed, else all but those
/// that do not fit.
fn write(state: &mut State, body: &str) -> Fault {
    let has = |line: &str, texts: &[&str]| texts.iter().any(|text| line.contains(text));
    let bad: Vec<_> = body.split('\n').filter(|line| has(line, &state.unparsable)).collect();
    if !bad.is_empty() {
        let said = bad.iter().map(|line| format!("unable to parse '{line}': bad number"));
        let said: Vec<_> = said.collect();
        let body = serde_json::json!({"code": "invalid", "message": said.join("\n")});
        return Fault::Answer(400, "", Box::leak(body.to_string().into_boxed_str()));
    }
    let mut dropped = Vec::new();
    for line in body.split('\n') {
        match state.conflicts.iter().find(|(text, _)| line.contains(text)) {
            Some((_, said)) => dropped.push(*said),
            None => {
                let (series, rest) = line.split_once(' ').unwrap();
                let (fields, time) = rest.rsplit_once(' ').unwrap();
                state.points.insert(format!("{series} {time}"), fields.to_owned());
            }
        }
    }
    let Some(said) = dropped.first() else { return Fault::Answer(204, "", "") };
    let said = format!("partial write: {said} dropped={}", dropped.len());
    let body = serde_json::json!({"code": "unprocessable entity", "message": said});
    Fault::Answer(422, "", Box::leak(body.to_string().into_boxed_str()))
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.trim_end().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    let mut body = String::new();
    match headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => GzDecoder::new(bytes.as_slice()).read_to_string(&mut body).ok()?,
        _ => bytes.as_slice().read_to_string(&mut body).ok()?,
    };
    Some(Request { line, headers, body })
}

fn respond(stream: &mut TcpStream, code: u16, headers: &str, body: &str) {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {code} X\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let _ = stream.write_all(answer.as_bytes());
}

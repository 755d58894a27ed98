//! The history: whether it can be written, and how far behind it is.

use super::{Findings, Level, Patient, time};
use streamgauge_sink::results::{Position, ResultError, ResultLog, Topic};
use streamgauge_sink::store::{
    EMBEDDED_FILE_NAME, EmbeddedHistory, InfluxBucket, InfluxSettings, influx_bucket, influx_fed,
    influx_version,
};

/// Records that wait are counted so far.
const MOST: u64 = 100_000;
/// Records that wait longer than so are a backlog, ms.
const LONG_MS: i64 = 30_000;

pub(super) fn look(patient: &Patient<'_>, findings: &mut Findings) {
    match &patient.config.influxdb {
        Some(settings) => influx(patient, settings, findings),
        None => embedded(patient, findings),
    }
}

fn embedded(patient: &Patient<'_>, findings: &mut Findings) {
    let path = patient.directory.join(EMBEDDED_FILE_NAME);
    if !path.exists() {
        findings.add(
            Level::Note,
            "history",
            format!("there is none in {}", patient.directory.display()),
            "`run` and `gateway` make it",
        );
        return;
    }
    match EmbeddedHistory::open(&path) {
        Ok(_) => findings.ok("history", path.display().to_string()),
        Err(error) => findings.add(
            Level::Problem,
            "history",
            error.to_string(),
            "move the file away: it is written anew from the results that are kept",
        ),
    }
}

fn influx(patient: &Patient<'_>, settings: &InfluxSettings, findings: &mut Findings) {
    bucket(settings, findings);
    backlog(patient, settings, findings);
}

/// Whether an InfluxDB can be used, and has the bucket.
pub(super) fn bucket(settings: &InfluxSettings, findings: &mut Findings) {
    let version = influx_version(settings).map(|version| format!(" {version}"));
    let (version, url) = (version.unwrap_or_default(), settings.url.as_str());
    let shown = format!("InfluxDB{version} at {url}, bucket {}", settings.bucket);
    match influx_bucket(settings) {
        Ok(InfluxBucket::There) => findings.ok("history", shown),
        Ok(InfluxBucket::Missing) => findings.add(
            Level::Warning,
            "history",
            format!("{shown}: there is no such bucket that the token may see"),
            "`run` and `gateway` make it where the token may; see `influxdb.org` and `influxdb.bucket`",
        ),
        Err(error) => findings.add(
            Level::Problem,
            "history",
            error.to_string(),
            "start it, or mend `influxdb.url` and the token; until then results wait in their log, for a day",
        ),
    }
}

fn backlog(patient: &Patient<'_>, settings: &InfluxSettings, findings: &mut Findings) {
    let Some(results) = &patient.results else { return };
    let waiting = influx_fed(&patient.directory, settings)
        .map_err(|error| error.to_string())
        .and_then(|from| {
            let from = from.map_or_else(|| results.position_at(i64::MIN), Ok);
            from.and_then(|from| waiting(&**results, from)).map_err(|error| error.to_string())
        });
    match waiting {
        Ok(None) => findings.ok("backlog", "all results are in the history"),
        Ok(Some((count, since_ms))) => {
            let age_ms = patient.clock.now_ms() - since_ms;
            let more = if count >= MOST { "at least " } else { "" };
            let text = format!("{more}{count} results wait, the oldest for {}", time(age_ms));
            match age_ms > LONG_MS {
                true => findings.add(
                    Level::Warning,
                    "backlog",
                    text,
                    "`run` or `gateway` must be at work on this data directory, and InfluxDB take what it gets",
                ),
                false => findings.ok("backlog", text),
            }
        }
        Err(error) => findings.add(
            Level::Problem,
            "backlog",
            error,
            "see what is said of where the results are; where their retention has cut what waits, `run` or `gateway` says so and goes on behind it",
        ),
    }
}

/// How many results wait, and since when the first does, ms; none if none does.
fn waiting(results: &dyn ResultLog, from: Position) -> Result<Option<(u64, i64)>, ResultError> {
    let mut reader = results.reader(&[Topic::ProcessedMetrics], from)?;
    let (mut count, mut since_ms) = (0, None);
    while count < MOST {
        let read = reader.poll(1_000, &mut |stored| {
            since_ms.get_or_insert(stored.at_ms);
        })?;
        if read == 0 {
            break;
        }
        count += read as u64;
    }
    Ok(since_ms.map(|since_ms| (count, since_ms)))
}

//! Metrics of the gateway and of the job, in the text format of Prometheus.
//!
//! The four that the original's dashboards ask for have their names; labels have few
//! values, and never name a user.

use crate::hub::Hub;
use crate::hub::counters::{LATENCY_BOUNDS_MS, Observed};
use crate::state::job::{Health, JobStatus};
use std::fmt::{Display, Write};
use streamgauge_sink::store::FeedStatus;
use streamgauge_sink::webhook::Outcome;

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.line(name, "", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(name, "", value);
    }
}

fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", ms.unsigned_abs() / 1_000, ms.unsigned_abs() % 1_000)
}

pub(super) fn text(hub: &Hub) -> String {
    let now_ms = hub.clock.now_ms();
    let (job, epoch, watermark_ms, unreadable) = {
        let state = hub.state();
        (state.job().cloned(), state.epoch(), state.watermark_ms(), state.unreadable())
    };
    let mut out = Text::default();
    pipeline(&mut out, hub, job.as_ref());
    gateway(&mut out, hub, unreadable);
    webhooks(&mut out, hub);
    if let Some(feed) = &hub.store {
        store(&mut out, feed, now_ms);
    }
    if let Some(epoch) = epoch {
        out.gauge("streamgauge_epoch", "Epoch of the last record read.", epoch);
    }
    if let Some(watermark_ms) = watermark_ms {
        let help = "Time since the watermark: how old the event time is that is complete.";
        let delay = seconds(now_ms.saturating_sub(watermark_ms));
        out.gauge("streamgauge_watermark_delay_seconds", help, delay);
    }
    let health = job.as_ref().map_or(Health::Unknown, |job| job.health(now_ms));
    out.head("streamgauge_job_state", "gauge", "1 for the state that the job is in.");
    for state in Health::ALL {
        let labels = format!("{{state=\"{}\"}}", state.name());
        out.line("streamgauge_job_state", &labels, u8::from(state == health));
    }
    if let Some(job) = &job {
        self::job(&mut out, job, now_ms);
    }
    out.0
}

/// The names that the original's dashboards ask for.
fn pipeline(out: &mut Text, hub: &Hub, job: Option<&JobStatus>) {
    let name = "analytics_pipeline_latency_seconds";
    let help = "Time from an event being in the log to its results being handed to clients, \
        observed with each status of the job.";
    let Observed { within, count, sum_ms } = hub.counters.latency.get();
    out.head(name, "histogram", help);
    for (bound_ms, within) in LATENCY_BOUNDS_MS.into_iter().zip(within) {
        let bound = seconds(bound_ms);
        let bound = bound.trim_end_matches('0').trim_end_matches('.');
        let labels = format!("{{le=\"{bound}\"}}");
        out.line("analytics_pipeline_latency_seconds_bucket", &labels, within);
    }
    out.line("analytics_pipeline_latency_seconds_bucket", "{le=\"+Inf\"}", count);
    out.line("analytics_pipeline_latency_seconds_sum", "", seconds(sum_ms));
    out.line("analytics_pipeline_latency_seconds_count", "", count);
    let read = job.and_then(|job| job.read).unwrap_or(0);
    out.counter("analytics_pipeline_events_total", "Events read by the job.", read);
    let rejected = job.map_or(0, |job| job.dead_letters.values().sum());
    out.counter("analytics_pipeline_errors_total", "Events that became dead letters.", rejected);
    let open = hub.counters.open.get();
    out.gauge("websocket_server_active_connections", "WebSockets that are open.", open);
}

fn gateway(out: &mut Text, hub: &Hub, unreadable: u64) {
    let counters = &hub.counters;
    let all = [
        ("connections_total", "WebSockets that were opened.", counters.opened.get()),
        ("connections_refused_total", "WebSockets that were refused.", counters.refused.get()),
        ("messages_sent_total", "Messages sent to WebSockets.", counters.sent.get()),
        ("sent_bytes_total", "Bytes of these messages.", counters.sent_bytes.get()),
        ("slow_clients_closed_total", "Clients that took nothing in time.", counters.slow.get()),
        ("bad_requests_total", "Requests above a client's rate.", counters.bad_requests.get()),
        ("http_requests_total", "Requests that were no WebSockets.", counters.http.get()),
        ("records_read_total", "Records read from the log of results.", counters.records.get()),
        ("records_unreadable_total", "Records that could not be read.", unreadable),
    ];
    for (name, help, value) in all {
        out.counter(&format!("streamgauge_gateway_{name}"), help, value);
    }
    let help = "Time that the last record waited in the log of results.";
    let lag = seconds(counters.feed_lag_ms.get());
    out.gauge("streamgauge_gateway_feed_lag_seconds", help, lag);
    let up = u8::from(hub.hydrated() && hub.failure().is_none());
    out.gauge("streamgauge_gateway_feed_up", "1 if the log of results can be read.", up);
}

fn webhooks(out: &mut Text, hub: &Hub) {
    if hub.webhooks.is_empty() {
        return;
    }
    let name = "streamgauge_webhook_deliveries_total";
    out.head(name, "counter", "Attempts to deliver alerts, by what has become of them.");
    for counts in &hub.webhooks {
        for outcome in Outcome::ALL {
            let (webhook, outcome_name) = (webhook_label(counts.name()), outcome.name());
            let labels = format!("{{webhook=\"{webhook}\",outcome=\"{outcome_name}\"}}");
            out.line(name, &labels, counts.get(outcome));
        }
    }
    let name = "streamgauge_webhook_waiting";
    out.head(name, "gauge", "Alerts that wait to be delivered, besides those still in the log.");
    for counts in &hub.webhooks {
        let labels = format!("{{webhook=\"{}\"}}", webhook_label(counts.name()));
        out.line(name, &labels, counts.waiting());
    }
}

fn store(out: &mut Text, feed: &FeedStatus, now_ms: i64) {
    let report = feed.report();
    if report.written_by.is_some() {
        // Whoever writes it knows how it does.
        return;
    }
    let up = u8::from(report.failure.is_none());
    out.gauge("streamgauge_store_up", "1 if the store of the history can be written.", up);
    let lag_ms = report.waiting_since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms));
    let help = "Time that the first result which is not in the store has waited.";
    out.gauge("streamgauge_store_lag_seconds", help, seconds(lag_ms.max(0)));
    let counters = [
        ("points_written_total", "Points written.", report.written),
        ("deletions_total", "Deletions of points that are no more.", report.deleted),
        ("points_refused_total", "Points refused: each is a dead letter.", report.refused),
        ("expired_total", "What was older than the store's retention.", report.expired),
        ("unreadable_total", "Results that could not be read.", report.unreadable),
        ("retries_total", "Requests that were made once more.", report.retried),
        ("gaps_total", "Times that results were cut before they were read.", report.gaps),
    ];
    for (name, help, value) in counters {
        out.counter(&format!("streamgauge_store_{name}"), help, value);
    }
}

const TOO_LARGE: &str = "Results larger than their topic takes: each is a dead letter.";

fn job(out: &mut Text, job: &JobStatus, now_ms: i64) {
    let age = seconds(now_ms.saturating_sub(job.at_ms));
    out.gauge("streamgauge_job_status_age_seconds", "Age of the job's last status.", age);
    let counters = [
        ("streamgauge_events_read_total", "Events read.", job.read),
        ("streamgauge_events_accepted_total", "Events accepted.", job.accepted),
        ("streamgauge_duplicates_total", "Events read twice.", job.duplicates),
        ("streamgauge_results_too_large_total", TOO_LARGE, job.too_large),
    ];
    for (name, help, value) in counters {
        if let Some(value) = value {
            out.counter(name, help, value);
        }
    }
    if !job.dead_letters.is_empty() {
        let name = "streamgauge_dead_letters_total";
        out.head(name, "counter", "Events that were rejected, by reason.");
        for (reason, count) in &job.dead_letters {
            out.line(name, &format!("{{reason=\"{}\"}}", label(reason)), count);
        }
    }
    if let Some(records) = job.lag_records {
        out.gauge("streamgauge_lag_records", "Events that wait to be read.", records);
    }
    if let Some(ms) = job.lag_ms.and_then(|ms| i64::try_from(ms).ok()) {
        out.gauge("streamgauge_lag_seconds", "Age of the first event that waits.", seconds(ms));
    }
    if let Some(workers) = job.workers {
        out.gauge("streamgauge_workers", "Workers of the job.", workers);
    }
    if let Some(checkpoint) = &job.checkpoint {
        let failed = u8::from(checkpoint.failed.is_some());
        let help = "Whether the last attempt at a checkpoint failed.";
        out.gauge("streamgauge_checkpoint_failed", help, failed);
    }
    if let Some(checkpoint) = job.checkpoint.as_ref().filter(|last| last.at_ms > 0) {
        let age = seconds(now_ms.saturating_sub(checkpoint.at_ms));
        out.gauge("streamgauge_checkpoint_age_seconds", "Age of the last checkpoint.", age);
        let (epoch, bytes) = (checkpoint.epoch, checkpoint.bytes);
        out.gauge("streamgauge_checkpoint_epoch", "Epoch of the last checkpoint.", epoch);
        out.gauge("streamgauge_checkpoint_bytes", "Size of the last checkpoint.", bytes);
    }
}

/// The name of a webhook, in the characters that names have.
fn webhook_label(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    name.chars().map(plain).collect()
}

/// A label's value: the characters that reasons are made of, and not many.
fn label(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    text.chars().take(32).map(plain).collect()
}

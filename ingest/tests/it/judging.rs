//! What becomes of records, each in its place.

use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_ingest::batch::{Dimension, Value, value_hash};
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::judge::{
    Chunk, ChunkDecoder, Close, DecodedChunk, FileJudge, JudgedChunk, Line, LogJudge, Place,
    Released,
};
use streamgauge_ingest::lateness::Family;
use streamgauge_ingest::settings::{BotMode, InputSettings};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const DAY_MS: i64 = 86_400_000;

fn settings() -> InputSettings {
    InputSettings { partitions: 1, allowed_disorder_ms: 0, ..InputSettings::default() }
}

fn view(user: &str, at_ms: i64, agent: &str) -> String {
    format!(
        r#"{{"timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"{user}","sessionData":{{"userAgent":"{agent}"}}}}"#
    )
}

fn decoded(settings: &InputSettings, values: &[String]) -> DecodedChunk {
    let mut chunk = Chunk::default();
    for value in values {
        let start = chunk.bytes.len();
        chunk.bytes.extend_from_slice(value.as_bytes());
        chunk.lines.push(Line::Value(start..chunk.bytes.len()));
    }
    ChunkDecoder::new(settings).decode(chunk)
}

/// A place of partition 0.
fn place(offset: u64, appended_ms: i64) -> Place {
    Place { partition: 0, offset, appended_ms }
}

#[test]
fn bots_are_counted_and_take_part_only_where_they_are_included() {
    let values = [view("a", 1, BROWSER), view("b", 2, CRAWLER), view("c", 3, CRAWLER)];
    for (bots, expected) in
        [(BotMode::Include, &["a", "b", "c"][..]), (BotMode::Exclude, &["a"][..])]
    {
        let settings = InputSettings { bots, ..settings() };
        let mut judge = FileJudge::new(&settings, 100);
        let mut users = Vec::new();
        judge.judge(decoded(&settings, &values), &mut |released| {
            if let Released::Rows(_, batch) = released {
                users.extend(batch.rows.iter().map(|row| batch.texts.get(row.user).to_owned()));
            }
        });
        assert_eq!(users, expected);
        let counts = judge.counts();
        assert_eq!((counts.bots, counts.accepted, counts.rejected()), (2, 3, 0));
    }
}

#[test]
fn the_last_epoch_is_closed_before_time_ends() {
    let closes = |records: i64| {
        let values: Vec<_> = (1..=records).map(|at_ms| view("u", at_ms, BROWSER)).collect();
        let mut judge = FileJudge::new(&settings(), 2);
        let mut closes = Vec::new();
        let mut note = |released| {
            if let Released::Close(close) = released {
                closes.push(close);
            }
        };
        judge.judge(decoded(&settings(), &values), &mut note);
        judge.end(&mut note);
        closes
    };
    let end = |epoch| Close { epoch, watermark_ms: END_OF_TIME_MS };
    let close = |epoch, watermark_ms| Close { epoch, watermark_ms };
    assert_eq!(closes(0), [end(0)]);
    assert_eq!(closes(1), [close(0, 1), end(1)]);
    assert_eq!(closes(2), [close(0, 2), end(1)]);
    assert_eq!(closes(3), [close(0, 2), close(1, 3), end(2)]);
}

#[test]
fn a_watermark_jumps_when_it_moves_by_more_than_a_day() {
    let times_ms = [0, DAY_MS, DAY_MS + 1, 2 * DAY_MS + 2];
    let values = times_ms.map(|at_ms| view("u", at_ms, BROWSER));
    let mut judge = FileJudge::new(&settings(), 100);
    judge.judge(decoded(&settings(), &values), &mut |_| {});
    let jumps: Vec<_> = judge.counts().jumps.iter().map(|jump| (jump.offset, jump.ms)).collect();
    assert_eq!(jumps, [(3, DAY_MS + 1)]);
}

#[test]
fn a_log_gives_rows_with_their_places() {
    let values = [view("a", 301_000, BROWSER), view("b", 301_001, BROWSER), view("c", 5, BROWSER)];
    let mut judge = LogJudge::new(&settings());
    let places = [place(7, 1_000), place(8, 1_000), place(9, 1_000)];
    let JudgedChunk { batch, dead_letters: dead, .. } =
        judge.judge(decoded(&settings(), &values), &places);
    let batch = batch.unwrap();
    let rows: Vec<_> =
        batch.rows.iter().map(|row| (batch.texts.get(row.user), row.offset)).collect();
    assert_eq!(rows, [("a", 7), ("c", 9)], "five minutes ahead is the most");
    assert_eq!(dead.iter().map(|letter| letter.offset).collect::<Vec<_>>(), [8]);
    assert_eq!(judge.watermark_ms(0), 1_000, "the time of appending bounds the watermark");
    let JudgedChunk { batch, dead_letters: dead, .. } = judge.judge(decoded(&settings(), &[]), &[]);
    assert!(batch.is_none() && dead.is_empty());
}

#[test]
fn a_partition_that_was_raised_is_judged_by_that() {
    let mut judge = LogJudge::new(&settings());
    let at = |at_ms| decoded(&settings(), &[view("u", at_ms, BROWSER)]);
    judge.judge(at(1_000), &[place(0, 1_000)]);
    judge.raise(0, 605_000);
    judge.raise(0, 600_000);
    assert_eq!(judge.watermark_ms(0), 605_000, "nothing lowers a watermark");
    let JudgedChunk { dead_letters: dead, .. } = judge.judge(at(4_999), &[place(1, 4_999)]);
    let families = dead.iter().map(|letter| letter.families.iter().collect::<Vec<_>>());
    assert_eq!(families.collect::<Vec<_>>(), [[Family::RealTime]]);
}

#[test]
fn rows_have_their_campaign_where_days_are_asked_for() {
    let event = |kind: &str, url: &str| {
        format!(
            r#"{{"timestamp":1,"eventType":"{kind}","userId":"u","pageViewData":{{"url":"{url}"}}}}"#
        )
    };
    let values = [
        event("PAGE_VIEW", "/x?utm_source=news&utm_campaign=%C3%A4+b"),
        event("CONVERSION", "/x?utm_source=news"),
        event("PAGE_VIEW", "/x?y"),
        event("PAGE_VIEW", "/y?utm_campaign=%c3%a4%20b&utm_source=news"),
        event("PAGE_VIEW", "/x?utm_source=news#utm_campaign=a"),
    ];
    let campaigns = |days| {
        let settings = InputSettings { days, ..settings() };
        let mut all = Vec::new();
        FileJudge::new(&settings, 100).judge(decoded(&settings, &values), &mut |released| {
            let Released::Rows(_, batch) = released else { return };
            let dimension = |index: u32| Some(batch.texts.values.get(index as usize)?.dimension);
            for row in &batch.rows {
                let view = |d| Some(d).filter(|_| row.kind == Kind::PageView);
                assert_eq!(row.values.map(dimension), Dimension::ALL.map(view));
                let campaign = batch.texts.values.get(row.campaign as usize);
                let text = campaign.map_or("", |value| batch.texts.get(value.span));
                let hash = value_hash(Dimension::Campaign, text, 0);
                let is_right =
                    |v: &Value| (v.dimension, v.split, v.hash) == (Dimension::Campaign, 0, hash);
                assert!(campaign.is_none_or(is_right));
                all.push(text.to_owned());
            }
            let held = batch.texts.values.iter().filter(|v| v.dimension == Dimension::Campaign);
            assert_eq!(held.count(), if days { 2 } else { 0 }, "each is held once");
        });
        all
    };
    let (whole, source) = ("news\0(none)\0ä b", "news\0(none)\0(none)");
    assert_eq!(campaigns(true), [whole, "", "", whole, source]);
    assert_eq!(campaigns(false), [""; 5]);
}

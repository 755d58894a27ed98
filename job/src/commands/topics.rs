//! `streamgauge topics`: the topics of a Kafka, made and compared with what they should be.

use super::kafka::asking;
use anyhow::{Context, Result, bail};
use std::io::{self, Write};
use streamgauge::cli::{TopicsAction, TopicsArgs};
use streamgauge::config::Surroundings;
use streamgauge_sink::topics::{Admin, Difference, Found, Wanted, replicas, wanted};

pub(crate) fn topics(args: &TopicsArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let kafka = config.kafka.as_ref().context("there is a Kafka, as topics are asked for")?;
    let admin = Admin::new(kafka)?;
    let brokers = asking(kafka, || admin.brokers())?.len();
    let prefix = config.results_in_kafka.as_deref();
    let mut all = wanted(&kafka.topic, prefix.unwrap_or_default(), brokers);
    if prefix.is_none() {
        // The results are in the data directory.
        all.truncate(1);
    }
    match args.action {
        TopicsAction::Create => create(&admin, &all, brokers),
        TopicsAction::Check => check(&admin, &all, brokers),
        TopicsAction::Describe => describe(&admin, &all),
    }
}

fn say(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write the output")
}

fn create(admin: &Admin, all: &[Wanted], brokers: usize) -> Result<()> {
    let replicas = replicas(brokers);
    let plural = if brokers == 1 { "broker" } else { "brokers" };
    let note = match brokers {
        1 | 2 => "; with three there are three replicas, and nothing is lost with one of them",
        _ => "",
    };
    say(&format!("{brokers} {plural}, so {replicas} of each partition{note}"))?;
    let mut differs = 0;
    for topic in all {
        if make(admin, topic, brokers)? {
            let partitions = topic.partitions;
            say(&format!("{}: made, with {partitions} partitions", topic.name))?;
            continue;
        }
        let found = admin.find(&topic.name)?.unwrap_or_default();
        let differences = topic.differences(&found, brokers);
        differs += differences.len();
        let how = if differences.is_empty() { "as it should be" } else { "left as it is" };
        say(&format!("{}: there already, {how}", topic.name))?;
        differences.iter().try_for_each(|d| say(&line(d)))?;
    }
    if differs > 0 {
        say(ADVICE)?;
    }
    Ok(())
}

/// Makes a topic that can be used then; false if there is one of its name already.
pub(super) fn make(admin: &Admin, topic: &Wanted, brokers: usize) -> Result<bool> {
    let is_made = admin.create(topic, brokers)?;
    if is_made && !admin.wait_for_leaders(topic)? {
        bail!("{} was made, and has no leader yet: look at the brokers", topic.name);
    }
    Ok(is_made)
}

/// What to do about differences.
const ADVICE: &str =
    "settings are changed with Kafka's own kafka-configs, partitions with kafka-topics --alter";

fn line(Difference { what, is, wanted }: &Difference) -> String {
    format!("  {what} is {is}, should be {wanted}")
}

fn check(admin: &Admin, all: &[Wanted], brokers: usize) -> Result<()> {
    let (mut differs, mut missing) = (0, 0);
    for topic in all {
        let Some(found) = admin.find(&topic.name)? else {
            missing += 1;
            say(&format!("{}: missing", topic.name))?;
            continue;
        };
        let mut lines: Vec<_> = topic.differences(&found, brokers).iter().map(line).collect();
        let outages = found.outages().into_iter();
        lines.extend(outages.map(|outage| format!("  {outage}: start the brokers that have them")));
        let how = if lines.is_empty() { "as it should be" } else { "differs" };
        say(&format!("{}: {how}", topic.name))?;
        lines.iter().try_for_each(|line| say(line))?;
        differs += lines.len();
    }
    match (missing, differs) {
        (0, 0) => Ok(()),
        (0, _) => bail!("{differs} differences; {ADVICE}"),
        (_, 0) => bail!("{missing} topics are missing: `streamgauge topics create` makes them"),
        _ => bail!(
            "{missing} topics are missing, which `streamgauge topics create` makes, and there are {differs} differences; {ADVICE}"
        ),
    }
}

fn describe(admin: &Admin, all: &[Wanted]) -> Result<()> {
    say(&format!("brokers: {}", admin.brokers()?.join(", ")))?;
    for topic in all {
        let Some(found) = admin.find(&topic.name)? else {
            say(&format!("{} ({}): missing", topic.name, topic.what))?;
            continue;
        };
        let Found { partitions, replicas, .. } = found;
        say(&format!(
            "{} ({}): {partitions} partitions, {replicas} of each",
            topic.name, topic.what
        ))?;
        for (name, _) in topic.settings.iter().chain(&topic.usual) {
            let value = found.settings.iter().find(|(own, _)| own == name);
            say(&format!("  {name} = {}", value.map_or("", |(_, value)| value)))?;
        }
    }
    Ok(())
}

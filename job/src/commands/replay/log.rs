//! A log to be replayed, as flags say.

use crate::commands::site::{Site, checkpoints_path, directory_that_is_there};
use anyhow::{Result, bail, ensure};
use std::io::{self, Write};
use std::ops::Range;
use streamgauge::checkpoint::DirectoryStorage;
use streamgauge::cli::{Offsets, ReplayArgs};
use streamgauge::config::Config;
use streamgauge::replay::{Begin, Cut, Gone, LogInput, Resumed, Stretch};
use streamgauge::settings::deciding;
use streamgauge_ingest::log::{EventLog, Position};

const FROM: &str = "--from-offsets";
const UNTIL: &str = "--until-offsets";

/// The log of a data directory, to be replayed.
pub(super) struct OpenLog {
    pub(super) site: Site,
    /// Whether epochs are as they were bound.
    pub(super) is_bound: bool,
}

impl OpenLog {
    pub(super) fn open(args: &ReplayArgs, config: &Config) -> Result<Self> {
        let directory = match &args.data_dir {
            Some(directory) => directory.clone(),
            None => directory_that_is_there(config)?,
        };
        let site = Site::open_to_look(&directory, config)?;
        let has_bindings = site.results.state()?.bound.is_some();
        let by_offsets = args.from_offsets.is_some() || args.until_offsets.is_some();
        Ok(Self { site, is_bound: has_bindings && !by_offsets && !args.rebind })
    }

    /// The checkpoint that a verification goes on from; none if all epochs are still bound.
    pub(super) fn resumed(&self, config: &Config, workers: usize) -> Result<Option<Resumed>> {
        let (log, results) = (&*self.site.log, &*self.site.results);
        ensure!(self.is_bound, "nothing was committed yet: there is nothing to compare with");
        let settings = (deciding(config).0, config.alerts.len());
        let Some(gone) = Gone::find(log, results, settings.0)? else { return Ok(None) };
        // Only looked at: a job may be writing one.
        let path = checkpoints_path(&self.site.directory);
        let storage = DirectoryStorage::existing(&path);
        let found = match path.is_dir() {
            true => Resumed::oldest(results, &storage, log, gone, workers, settings)?,
            false => Err(Vec::new()),
        };
        match found {
            Ok(resumed) => {
                let epoch = resumed.epoch();
                // Without a stderr there is nobody to tell.
                let _ =
                    writeln!(io::stderr(), "{gone}: going on from the checkpoint of epoch {epoch}");
                Ok(Some(resumed))
            }
            Err(refused) => {
                let refused: Vec<_> = refused
                    .iter()
                    .map(|(epoch, reason)| format!("; checkpoint {epoch}: {reason}"))
                    .collect();
                let hint = match gone {
                    Gone::Bindings => "says how long they are kept",
                    Gone::Settings { .. } => {
                        "says how long they are kept, `every` when the next one is made"
                    }
                };
                bail!(
                    "{gone}, what came before the others decides about their results, too, and no checkpoint can be used from which to go on (`--data-dir` must be the job's; `[checkpoint] keep_hours` {hint}){}",
                    refused.concat()
                )
            }
        }
    }

    pub(super) fn input<'a>(
        &'a self,
        args: &ReplayArgs,
        config: &Config,
        resumed: Option<&'a Resumed>,
    ) -> Result<LogInput<'a>> {
        let log = &*self.site.log;
        let cut = if self.is_bound {
            let results = &*self.site.results;
            let (from_ms, until_ms) =
                (args.from_time.unwrap_or(i64::MIN), args.until_time.unwrap_or(i64::MAX));
            let settings_hash = deciding(config).0;
            let begin = match resumed {
                Some(resumed) => Begin::from(resumed),
                None => Begin::find(log, results, from_ms..until_ms)?,
            };
            Cut::Bound { results, settings_hash, begin: Box::new(begin), resumed, until_ms }
        } else {
            Cut::Anew { stretch: stretch(args, log)? }
        };
        let epoch_records = u64::from(args.epoch_records);
        Ok(LogInput { log, clock: &*self.site.clock, cut, epoch_records })
    }
}

/// From where to where a log is read whose epochs are cut anew.
fn stretch(args: &ReplayArgs, log: &dyn EventLog) -> Result<Stretch> {
    let bounds = log.all_bounds()?;
    let of = |flag: &str, offsets: &Option<Offsets>| offsets_in(flag, offsets.as_ref(), &bounds);
    let from = of(FROM, &args.from_offsets)?;
    let until = of(UNTIL, &args.until_offsets)?;
    let mut stretch = Stretch::default();
    for ((partition, bounds), (from, until)) in (0..).zip(&bounds).zip(from.into_iter().zip(until))
    {
        let by_time = |ms: Option<i64>| ms.map(|ms| log.offset_at(partition, ms)).transpose();
        let from = from.or(by_time(args.from_time)?).unwrap_or(bounds.start);
        stretch.from.push(Position { partition, offset: from });
        let until = until.or(by_time(args.until_time)?).unwrap_or(bounds.end).min(bounds.end);
        stretch.until.push(Position { partition, offset: until });
    }
    Ok(stretch)
}

/// The offsets that a flag gives, by partition: all of partitions that there are, and none
/// that they have not reached.
fn offsets_in(
    flag: &str,
    offsets: Option<&Offsets>,
    bounds: &[Range<u64>],
) -> Result<Vec<Option<u64>>> {
    let mut all = vec![None; bounds.len()];
    for &(partition, offset) in offsets.into_iter().flat_map(|offsets| &offsets.0) {
        let Some(bounds) = bounds.get(partition as usize) else {
            bail!(
                "{flag} {partition}:{offset}: there is no partition {partition}; there are {}, the first is 0",
                bounds.len()
            );
        };
        // Nothing is read of a partition that is to end before it begins.
        ensure!(
            offset <= bounds.end && (offset >= bounds.start || flag == UNTIL),
            "{flag} {partition}:{offset}: partition {partition} begins at {} and ends before {}",
            bounds.start,
            bounds.end
        );
        all[partition as usize] = Some(offset);
    }
    Ok(all)
}

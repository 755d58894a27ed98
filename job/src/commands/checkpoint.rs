//! `streamgauge checkpoint`: what checkpoints there are and whether they are sound.

use super::site::{checkpoints_path, directory_that_is_there};
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use streamgauge::checkpoint::{
    DirectoryStorage, Manifest, checkpoint_names, read_manifest, verify,
};
use streamgauge::cli::{CheckpointAction, CheckpointArgs};
use streamgauge::config::Surroundings;
use streamgauge_ingest::BEFORE_TIME_MS;

pub(crate) fn checkpoint(args: &CheckpointArgs, around: &Surroundings) -> Result<()> {
    let config = args.directory.resolve(around)?;
    let path = checkpoints_path(&directory_that_is_there(&config)?);
    if !path.is_dir() {
        bail!(
            "there are no checkpoints in {}: name the data directory with --data-dir",
            path.display()
        );
    }
    let storage = DirectoryStorage::existing(&path);
    let epochs = match args.action {
        CheckpointAction::Show { epoch } => vec![epoch],
        _ => checkpoint_names(&storage)?,
    };
    let mut text = String::new();
    let mut bad = 0;
    for epoch in epochs {
        let told = match args.action {
            CheckpointAction::List => read_manifest(&storage, epoch).map(|m| line(&m)),
            CheckpointAction::Show { .. } => read_manifest(&storage, epoch).map(|m| show(&m)),
            CheckpointAction::Verify => verify(&storage, epoch).map(|(manifest, rows)| {
                format!("{epoch}  ok, {rows} rows, made {}\n", time(manifest.at_ms))
            }),
        };
        text.push_str(&told.unwrap_or_else(|error| {
            bad += 1;
            format!("{epoch}  cannot be used: {error}\n")
        }));
    }
    if text.is_empty() {
        text.push_str("no checkpoint yet\n");
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    if bad > 0 {
        bail!("{bad} cannot be used; a job goes on from the newest that can");
    }
    Ok(())
}

fn line(manifest: &Manifest) -> String {
    let held: u64 = manifest.sizes().iter().map(|(_, _, bytes)| bytes).sum();
    format!(
        "{}  made {}, complete up to {}, {held} bytes, {} of them new\n",
        manifest.epoch,
        time(manifest.at_ms),
        time(manifest.watermark_ms),
        manifest.bytes
    )
}

fn show(manifest: &Manifest) -> String {
    let mut text = format!("epoch {}, made {}\n", manifest.epoch, time(manifest.at_ms));
    let _ = writeln!(text, "complete up to {}", time(manifest.watermark_ms));
    let _ = writeln!(text, "settings {:016x}", manifest.settings_hash);
    for (collection, frames, bytes) in manifest.sizes() {
        let name = format!("{collection:?}").to_lowercase();
        let _ = writeln!(text, "  {name}: {frames} frames, {bytes} bytes");
    }
    text
}

fn time(ms: i64) -> String {
    if ms == BEFORE_TIME_MS {
        return "nothing".to_owned();
    }
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |t| t.to_string())
}

//! Tests over the whole configuration: layers, refusals, and what is printed.

mod alerts;
mod funnels;
mod influxdb;
mod kafka;
mod layers;
mod odd_files;
mod printing;
mod refusals;
mod webhooks;

use std::collections::BTreeMap;

use super::{Config, DEFAULT_FILE, Overrides, Problems, Surroundings, resolve};

/// Resolves a file's text, variables (`NAME=value`) and flags
/// (`path=value`, from a flag called `--flag`).
fn resolved(file: Option<&str>, variables: &[&str], flags: &[&str]) -> Result<Config, Problems> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some(text) = file {
        std::fs::write(folder.path().join(DEFAULT_FILE), text).expect("a file");
    }
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').expect("NAME=value");
        (name.to_owned(), value.to_owned())
    };
    let surroundings = Surroundings {
        variables: variables.iter().map(|text| pair(text)).collect::<BTreeMap<_, _>>(),
        directory: folder.path().to_owned(),
    };
    let mut overrides = Overrides::with_file(None);
    for flag in flags {
        let (path, value) = pair(flag);
        let known = super::schema::keys()
            .map(|(section, key)| super::schema::path(section, key))
            .find(|known| *known == path)
            .expect("a key of the table");
        overrides.put(Box::leak(known.into_boxed_str()), "--flag", Some(&value));
    }
    resolve(&overrides, &surroundings)
}

/// The one problem of a file (or of variables, or flags), without the heading.
fn only_problem(file: Option<&str>, variables: &[&str], flags: &[&str]) -> String {
    let problems = resolved(file, variables, flags).expect_err("a problem");
    assert_eq!(problems.0.len(), 1, "{problems}");
    problems.0[0].to_string()
}

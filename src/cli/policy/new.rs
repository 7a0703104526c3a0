//! `airlock policy new`: writes a small policy that passes `check` and `test`, to be changed by its author.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;

use super::{Format, fault, print, print_json};
use crate::{
    cli::Exit,
    domain::{limits::POLICY_NAME_CHARS_MAX, object::ObjectKind},
    policy::{Fault, folder, is_policy_name},
};

/// What is written, and where.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The name of the policy: small letters, digits and `-`
    name: String,
    /// What clients write: a document, or the items of a list or map, or messages through a stream
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// The directory of the policies, in which the policy's folder is made
    #[arg(long, value_name = "DIR", default_value = "policies")]
    dir: PathBuf,
}

/// The kind of the private object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// One state for each identity, shown as an item of a map
    #[default]
    Document,
    /// Entries that each identity appends, shown in one list
    List,
    /// Things that each identity places, shown in one map
    Map,
    /// Messages that are told once and kept nowhere
    Stream,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    written: Vec<String>,
    faults: &'a [Fault],
}

/// The texts of one kind, with `NAME` in place of the policy's name.
struct Texts {
    kind: ObjectKind,
    policy: &'static str,
    cases: &'static str,
}

const DOCUMENT: Texts = Texts {
    kind: ObjectKind::Document,
    policy: include_str!("new/document.toml"),
    cases: include_str!("new/document.cases.toml"),
};
const LIST: Texts = Texts {
    kind: ObjectKind::List,
    policy: include_str!("new/list.toml"),
    cases: include_str!("new/list.cases.toml"),
};
const MAP: Texts = Texts {
    kind: ObjectKind::Map,
    policy: include_str!("new/map.toml"),
    cases: include_str!("new/map.cases.toml"),
};
const STREAM: Texts = Texts {
    kind: ObjectKind::Stream,
    policy: include_str!("new/stream.toml"),
    cases: include_str!("new/stream.cases.toml"),
};
const SCHEMA: &str = include_str!("new/private.schema.json");

/// Writes the policy, then checks it together with those beside it.
///
/// # Errors
/// When the name cannot be one or is taken, when the policies then have faults, or when a file cannot be written.
pub fn run(options: &Options, format: Format) -> Result<(), Exit> {
    let Options { name, kind, dir } = options;
    if !is_policy_name(name) {
        let rule = format!("use small letters, digits and `-`, at most {POLICY_NAME_CHARS_MAX} characters");
        return Err(Exit::Usage(format!("`{name}` cannot be a policy's name; {rule}")));
    }
    if dir.join("policy.toml").exists() {
        let what = format!("{} is a policy's own folder; name the one around it", dir.display());
        return Err(Exit::Usage(what));
    }
    let texts = match kind {
        Kind::Document => &DOCUMENT,
        Kind::List => &LIST,
        Kind::Map => &MAP,
        Kind::Stream => &STREAM,
    };
    let home = dir.join(name);
    let written = write(&home, name, texts)?;
    let answer = |faults| Answer { written: written.clone(), faults };
    if format == Format::Human {
        print(&written.iter().map(|it| format!("wrote {it}\n")).collect::<String>())?;
    }
    if let Err(faults) = folder::load(dir) {
        return fault(format, &faults, &answer(&faults));
    }
    match format {
        Format::Human => print(&next(name, dir, texts.kind)),
        Format::Json => print_json(&answer(&[])),
    }
}

/// What to do next.
fn next(name: &str, dir: &Path, kind: ObjectKind) -> String {
    let dir = dir.display();
    format!(
        "\nA client writes the {kind} `{name}/ROOM/ITS-IDENTITY`; the others see `{name}/ROOM`. Next:\n\
         1. say in private.schema.json what a client may send, and in policy.toml how often and what is shown of it\n\
         2. airlock policy test {dir}\n\
         3. airlock policy check --matrix {dir}\n"
    )
}

/// Writes the folder; what stands already is left as it is.
fn write(home: &Path, name: &str, texts: &Texts) -> Result<Vec<String>, Exit> {
    let failed = |path: &Path| format!("{} cannot be written", path.display());
    if let Some(parent) = home.parent() {
        fs::create_dir_all(parent).with_context(|| failed(parent))?;
    }
    match fs::create_dir(home) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let what = format!("{} stands already, and nothing is overwritten", home.display());
            return Err(Exit::Usage(what));
        }
        made => made.with_context(|| failed(home))?,
    }
    let cases = home.join("cases");
    fs::create_dir(&cases).with_context(|| failed(&cases))?;
    let files = [
        (home.join("private.schema.json"), SCHEMA),
        (cases.join("first.toml"), texts.cases),
        // Last, so that a server that looks meanwhile finds a policy that is whole.
        (home.join("policy.toml"), texts.policy),
    ];
    let mut written = Vec::new();
    for (path, text) in files {
        let made =
            File::create_new(&path).and_then(|mut it| it.write_all(text.replace("NAME", name).as_bytes()));
        made.with_context(|| failed(&path))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

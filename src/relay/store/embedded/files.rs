//! The files of a data directory: their names, their permissions, and which of them a checkpoint has made useless.
//!
//! `log-N.db` are the log files, N ascending; `state-N` is the checkpoint that covers all log files below N. So a
//! store is its newest checkpoint and the log files from the same number on; whatever has a smaller number is removed.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The log of stores that had one log file for good; it counts as number 0.
const OLD_LOG: &str = "log.db";
/// The checkpoint of those stores.
pub(in crate::relay::store) const OLD_STATE: &str = "state.db";
/// A checkpoint that is being written.
pub(super) const UNFINISHED: &str = "state.tmp";
/// What SQLite puts beside a database.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The log files and checkpoints in a directory, by number, ascending.
#[derive(Debug, Default)]
pub(in crate::relay::store) struct Files {
    pub(in crate::relay::store) logs: Vec<u64>,
    pub(in crate::relay::store) states: Vec<u64>,
    /// Whether there is a checkpoint of the old form.
    pub(in crate::relay::store) old_state: bool,
}

impl Files {
    /// Lists a directory.
    pub(in crate::relay::store) fn of(directory: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if name == OLD_STATE {
                files.old_state = true;
            } else if name == OLD_LOG {
                files.logs.push(0);
            } else if let Some(number) = number(&name, "log-", ".db") {
                files.logs.push(number);
            } else if let Some(number) = number(&name, "state-", "") {
                files.states.push(number);
            }
        }
        files.logs.sort_unstable();
        files.states.sort_unstable();
        Ok(files)
    }

    /// Whether nothing of a store is there.
    pub(in crate::relay::store) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.states.is_empty() && !self.old_state
    }

    /// The newest checkpoint.
    pub(in crate::relay::store) fn newest_state(&self) -> Option<u64> {
        self.states.last().copied()
    }

    /// The log files that the newest checkpoint does not cover.
    pub(in crate::relay::store) fn live_logs(&self) -> impl Iterator<Item = u64> {
        let from = self.newest_state().unwrap_or_default();
        self.logs.iter().copied().filter(move |it| from <= *it)
    }

    /// The number of the next log file.
    pub(in crate::relay::store) fn next(&self) -> u64 {
        let newest = self.logs.last().copied().max(self.newest_state());
        newest.map_or(1, |it| it.saturating_add(1))
    }
}

fn number(name: &str, before: &str, after: &str) -> Option<u64> {
    let digits = name.strip_prefix(before)?.strip_suffix(after)?;
    digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The name of a log file.
pub(in crate::relay::store) fn log_name(number: u64) -> String {
    if number == 0 { OLD_LOG.to_owned() } else { format!("log-{number}.db") }
}

/// The path of a log file.
pub(in crate::relay::store) fn log_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(log_name(number))
}

/// The name of a checkpoint.
pub(in crate::relay::store) fn state_name(number: u64) -> String {
    format!("state-{number}")
}

/// The path of a checkpoint.
pub(in crate::relay::store) fn state_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(state_name(number))
}

/// Removes what the checkpoint `number` covers, and what was never finished. `removed` is called after each file.
pub(super) fn remove_below(directory: &Path, number: u64, removed: impl Fn()) -> io::Result<()> {
    let mut gone: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy().into_owned();
        let database = SIDE_FILES.iter().find_map(|it| text.strip_suffix(it)).unwrap_or(&text);
        let found = match database {
            OLD_LOG | OLD_STATE => Some(0),
            other => self::number(other, "log-", ".db").or_else(|| self::number(other, "state-", "")),
        };
        if found.is_some_and(|it| it < number) || text == UNFINISHED {
            gone.push(directory.join(name));
        }
    }
    gone.sort();
    for path in &gone {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => removed(),
        }
    }
    if gone.is_empty() { Ok(()) } else { sync_directory(directory) }
}

/// Removes one log file.
pub(super) fn remove_log(directory: &Path, number: u64) -> io::Result<()> {
    let path = log_path(directory, number);
    for side in SIDE_FILES {
        let mut name = path.clone().into_os_string();
        name.push(side);
        if let Err(error) = fs::remove_file(name)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    fs::remove_file(path)
}

/// Makes a directory that only its owner may enter, whatever the umask is; one that is there is closed to others.
pub(in crate::relay::store) fn make_private_directory(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => (),
    }
    close_to_others(directory, 0o700)
}

/// Opens a file that only its owner may read, and makes it when it is missing.
pub(in crate::relay::store) fn open_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.mode(0o600).open(path)?;
    close_to_others(path, 0o600)?;
    Ok(file)
}

/// Closes all files of a store to others: those of older versions were open to them.
pub(super) fn close_files(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = ["log", "state", "anchor", "lock"].iter().any(|it| name.starts_with(it));
        if ours && entry.file_type()?.is_file() {
            close_to_others(&entry.path(), 0o600)?;
        }
    }
    Ok(())
}

fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    let now = fs::metadata(path)?.permissions().mode() & 0o7777;
    if now == mode {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        // A mounted volume may belong to somebody else, who lets us in.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), "the permissions belong to another user and stay as they are");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Makes the names of new files durable. SQLite does so, too, and passes over a failure of it.
pub(in crate::relay::store) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

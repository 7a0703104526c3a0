//! Reads a folder of policies, bounded, and never anything outside a policy's own folder.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    domain::limits::{FOLDER_ENTRIES_MAX, POLICY_BYTES_MAX, POLICY_SET_BYTES_MAX},
    policy::{
        cases::{self, Case},
        compile::{PolicySet, compile},
        fault::{Fault, Place, sorted},
        files::{Content, Files},
    },
};

const POLICY: &str = "policy.toml";
/// What to do with a link that leads out.
const LINKS: &str = "copy it here: links may lead about within the folder only";

/// Loads one policy's folder (it has a `policy.toml`), or a folder of them; it may be empty.
///
/// # Errors
/// All faults that were found, by file and place.
pub fn load(path: &Path) -> Result<PolicySet, Vec<Fault>> {
    let mut faults = Vec::new();
    let files = read_all(path, &mut faults);
    match compile(&files) {
        Ok(set) if faults.is_empty() => Ok(set),
        Ok(_) => Err(sorted(faults)),
        Err(more) => {
            faults.extend(more);
            Err(sorted(faults))
        }
    }
}

/// The files of the same folder, as the policies are compiled from them; what cannot be read, [`load`] tells.
pub fn files(path: &Path) -> Vec<Files> {
    read_all(path, &mut Vec::new())
}

/// The cases of the same folder, `cases/*.toml` of each policy.
///
/// # Errors
/// All faults that were found in them, by file and place.
pub fn load_cases(path: &Path) -> Result<Vec<Case>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut all = Vec::new();
    for folder in policy_folders(path, &mut faults) {
        let home = folder.path.join("cases");
        if !exists(&home) {
            continue;
        }
        let place = Place::start(&home.display().to_string());
        if !home.is_dir() {
            let help = "write a folder with files that end in `.toml`, or take it out";
            faults.push(place.fault("`cases` is no folder", Some(help.to_owned())));
            continue;
        }
        if !within(&folder.path, &home) {
            let what = "`cases` leads out of the policy's folder";
            faults.push(place.fault(what, Some(LINKS.to_owned())));
            continue;
        }
        for (name, file) in files_ending(&home, ".toml", &mut faults) {
            let shown = home.join(&name).display().to_string();
            match content(&home, &file).text() {
                Ok(text) => match cases::parse(&folder.name, &shown, text) {
                    Ok(cases) => all.extend(cases),
                    Err(more) => faults.extend(more),
                },
                Err(why) => {
                    let what = format!("the file of cases {}", why.what);
                    faults.push(Place::start(&shown).fault(what, why.help()));
                }
            }
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(sorted(faults)) }
}

struct PolicyFolder {
    name: String,
    path: PathBuf,
}

fn policy_folders(path: &Path, faults: &mut Vec<Fault>) -> Vec<PolicyFolder> {
    let place = Place::start(&path.display().to_string());
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => (),
        Ok(_) => {
            let help = "name the folder that holds it";
            faults.push(place.fault("this is a file, not a folder of policies", Some(help.to_owned())));
            return Vec::new();
        }
        Err(error) => {
            let (what, help) = match error.kind() {
                ErrorKind::NotFound => (
                    "there is no such folder".to_owned(),
                    Some("make it (it may be empty), or name another".to_owned()),
                ),
                _ => (format!("the folder cannot be read: {error}"), None),
            };
            faults.push(place.fault(what, help));
            return Vec::new();
        }
    }
    if exists(&path.join(POLICY)) {
        // `.` has no name of its own.
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let name = whole.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        return vec![PolicyFolder { name, path: path.to_path_buf() }];
    }
    let mut folders = Vec::new();
    for (name, inner) in entries(path, faults) {
        if !inner.is_dir() {
            continue;
        }
        if !within(path, &inner) {
            let what = format!("the folder `{name}` leads out of the folder of policies");
            faults.push(Place::start(&inner.display().to_string()).fault(what, Some(LINKS.to_owned())));
        } else if exists(&inner.join(POLICY)) {
            folders.push(PolicyFolder { name, path: inner });
        } else {
            let what = format!("the folder `{name}` has no `{POLICY}`");
            let help = "write one, or take the folder out";
            let place = Place::start(&inner.display().to_string());
            faults.push(place.fault(what, Some(help.to_owned())));
        }
    }
    folders
}

/// The files of all policies, as far as there is room for them.
fn read_all(path: &Path, faults: &mut Vec<Fault>) -> Vec<Files> {
    let (mut all, mut room) = (Vec::new(), POLICY_SET_BYTES_MAX);
    for folder in policy_folders(path, faults) {
        let Some(files) = read(&folder, &mut room, faults) else {
            let what = format!("the files of the set have more than {POLICY_SET_BYTES_MAX} bytes up to here");
            let help = "take out what is no schema: each file that ends in `.json` is read";
            faults.push(Place::start(&folder.path.display().to_string()).fault(what, Some(help.to_owned())));
            break;
        };
        all.push(files);
    }
    all
}

/// The files of one policy; `None` when there is no room for them.
fn read(folder: &PolicyFolder, room: &mut u64, faults: &mut Vec<Fault>) -> Option<Files> {
    let mut take = |file: &Path| {
        let found = content(&folder.path, file);
        if let Content::Bytes(bytes) = &found {
            *room = room.checked_sub(bytes.len() as u64)?;
        }
        Some(found)
    };
    let policy = take(&folder.path.join(POLICY))?;
    let files = files_ending(&folder.path, ".json", faults).into_iter();
    let schemas = files.map(|(name, file)| Some((name, take(&file)?))).collect::<Option<_>>()?;
    let (name, path) = (folder.name.clone(), folder.path.display().to_string());
    Some(Files { name, path, policy, schemas })
}

/// Whether what stands there lies, links followed, in this folder; who cannot tell lets its reader fail.
fn within(folder: &Path, inner: &Path) -> bool {
    let real = fs::canonicalize(folder).and_then(|home| Ok((home, fs::canonicalize(inner)?)));
    real.map_or(true, |(home, inner)| inner.starts_with(home))
}

/// Whether something stands there, a broken link included.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// What stands in a folder, by name; hidden entries (such as those of a mounted volume) are left out.
fn entries(folder: &Path, faults: &mut Vec<Fault>) -> Vec<(String, PathBuf)> {
    let place = Place::start(&folder.display().to_string());
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) => {
            faults.push(place.fault(format!("the folder cannot be read: {error}"), None));
            return Vec::new();
        }
    };
    let mut list = Vec::new();
    for entry in found.take(FOLDER_ENTRIES_MAX + 1) {
        match entry {
            Ok(entry) => list.push((entry.file_name().to_string_lossy().into_owned(), entry.path())),
            Err(error) => faults.push(place.fault(format!("the folder cannot be read: {error}"), None)),
        }
    }
    if FOLDER_ENTRIES_MAX < list.len() {
        faults.push(place.fault(format!("the folder has more than {FOLDER_ENTRIES_MAX} entries"), None));
    }
    list.retain(|it| !it.0.starts_with('.'));
    list.sort();
    list
}

fn files_ending(folder: &Path, ending: &str, faults: &mut Vec<Fault>) -> Vec<(String, PathBuf)> {
    let mut list = entries(folder, faults);
    list.retain(|it| it.0.ends_with(ending));
    list
}

/// Reads a file that is really in this folder: links may lead about within it, not out of it.
fn content(folder: &Path, file: &Path) -> Content {
    let within = fs::canonicalize(folder).and_then(|home| Ok((home, fs::canonicalize(file)?)));
    let file = match within {
        Ok((home, file)) if file.starts_with(&home) => file,
        Ok(_) => return Content::Outside,
        Err(error) => return Content::Unreadable(error.to_string()),
    };
    match fs::metadata(&file) {
        Ok(found) if found.is_file() => (),
        Ok(_) => return Content::Unreadable("it is not a plain file".to_owned()),
        Err(error) => return Content::Unreadable(error.to_string()),
    }
    let mut bytes = Vec::new();
    match File::open(&file).and_then(|it| it.take(POLICY_BYTES_MAX + 1).read_to_end(&mut bytes)) {
        Ok(_) if POLICY_BYTES_MAX < bytes.len() as u64 => Content::TooLarge,
        Ok(_) => Content::Bytes(bytes),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::policy::tests::golden::{self, Row};

    const MINIMAL: &str =
        "[from]\ndocument = \"a/{identity}\"\nschema = \"a.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";

    fn told(path: &Path) -> Vec<String> {
        let faults = load(path).expect_err("faults");
        faults.into_iter().map(|it| it.what).collect()
    }

    #[test]
    fn faults_of_folders_say_what_where_and_how() {
        golden::check(&faults());
    }

    pub(crate) fn faults() -> Vec<Row> {
        let home = tempfile::tempdir().expect("a folder");
        let root = home.path();
        let loaded = |path: &str| load(&root.join(path)).expect_err(path);
        let make = |path: &str| fs::create_dir_all(root.join(path)).expect("made");
        let write = |path: &str, text: &[u8]| fs::write(root.join(path), text).expect("written");
        write("file", b"");
        make("one/chat");
        make("many");
        (0..=FOLDER_ENTRIES_MAX).for_each(|it| write(&format!("many/{it}"), b""));
        make("cases/chat/cases/inner.toml");
        let case = |name: &str, text: &[u8]| {
            let file = root.join("cases/chat/cases/a.toml");
            fs::write(&file, text).expect(name);
            let faults = load_cases(&root.join("cases")).expect_err(name);
            faults.into_iter().filter(|it| it.file.ends_with("a.toml")).collect::<Vec<_>>()
        };
        write("cases/chat/policy.toml", MINIMAL.as_bytes());
        make("flat/chat");
        write("flat/chat/policy.toml", MINIMAL.as_bytes());
        write("flat/chat/cases", b"");
        for (from, to) in [("one", "led/chat"), ("one", "led-cases/chat/cases")] {
            make(Path::new(to).parent().and_then(Path::to_str).expect("a folder"));
            std::os::unix::fs::symlink(root.join(from), root.join(to)).expect("linked");
        }
        write("led-cases/chat/policy.toml", MINIMAL.as_bytes());
        make("full/chat");
        write("full/chat/policy.toml", MINIMAL.as_bytes());
        for number in 0..=POLICY_SET_BYTES_MAX / POLICY_BYTES_MAX {
            let file = File::create(root.join(format!("full/chat/{number}.json"))).expect("made");
            file.set_len(POLICY_BYTES_MAX).expect("a file without blocks");
        }
        let cases = |path: &str| load_cases(&root.join(path)).expect_err(path);
        vec![
            (
                cases("flat"),
                "1:1 `cases` is no folder [write a folder with files that end in `.toml`, or take it out]",
            ),
            (
                cases("led-cases"),
                "1:1 `cases` leads out of the policy's folder [copy it here: links may lead about within the folder only]",
            ),
            (
                loaded("led"),
                "1:1 the folder `chat` leads out of the folder of policies [copy it here: links may lead about within the folder only]",
            ),
            (
                loaded("full"),
                "1:1 the files of the set have more than 67108864 bytes up to here [take out what is no schema: each file that ends in `.json` is read]",
            ),
            (loaded("none"), "1:1 there is no such folder [make it (it may be empty), or name another]"),
            (loaded("file"), "1:1 this is a file, not a folder of policies [name the folder that holds it]"),
            (loaded("file/in"), "1:1 the folder cannot be read: Not a directory (os error 20)"),
            (loaded("one"), "1:1 the folder `chat` has no `policy.toml` [write one, or take the folder out]"),
            (loaded("many"), "1:1 the folder has more than 2000 entries"),
            (
                case("latin", b"\xff"),
                "1:1 the file of cases is not UTF-8: the byte at 0 is out of place [save it as UTF-8]",
            ),
            (
                case("large", &vec![b' '; 300_000]),
                "1:1 the file of cases is larger than 262144 bytes [divide it; long lists belong in data that a `[[lookup]]` reads]",
            ),
            (
                {
                    let faults = load_cases(&root.join("cases")).expect_err("a folder");
                    faults.into_iter().filter(|it| it.file.ends_with("inner.toml")).collect()
                },
                "1:1 the file of cases cannot be read: it is not a plain file [it must be a plain file that the server may read]",
            ),
        ]
    }

    #[test]
    fn folders_are_read_and_nothing_beside_them() {
        let home = tempfile::tempdir().expect("a folder");
        let root = home.path().join("policies");
        assert_eq!(told(&root), ["there is no such folder"]);
        fs::create_dir(&root).expect("made");
        assert_eq!(load(&root).expect("empty").hash(), PolicySet::empty().hash());
        fs::write(root.join("README.md"), "").expect("written");
        let chat = root.join("chat");
        fs::create_dir(&chat).expect("made");
        assert_eq!(told(&root), ["the folder `chat` has no `policy.toml`"]);
        fs::write(chat.join(POLICY), MINIMAL).expect("written");
        assert_eq!(told(&root), ["there is no file `a.json` beside `policy.toml`"]);
        fs::write(chat.join("a.json"), "{}").expect("written");
        let set = load(&root).expect("a set");
        assert_eq!(load(&chat).expect("one policy").hash(), set.hash());
        assert!(load(&chat).expect("one policy").by_name("chat").is_some());
        assert_eq!(told(&chat.join(POLICY)), ["this is a file, not a folder of policies"]);
        fs::write(chat.join("a.json"), " ".repeat(300_000)).expect("written");
        assert_eq!(told(&root), ["`a.json` is larger than 262144 bytes"]);
        fs::remove_file(chat.join("a.json")).expect("removed");
        fs::create_dir(chat.join("a.json")).expect("made");
        assert_eq!(told(&root), ["`a.json` cannot be read: it is not a plain file"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_about_within_the_folder_only() {
        use std::os::unix::fs::symlink;

        let home = tempfile::tempdir().expect("a folder");
        let chat = home.path().join("chat");
        fs::create_dir_all(chat.join("..data")).expect("made");
        fs::write(chat.join("..data/policy.toml"), MINIMAL).expect("written");
        symlink(chat.join("..data/policy.toml"), chat.join(POLICY)).expect("linked");
        fs::write(home.path().join("secret.json"), "{}").expect("written");
        symlink(home.path().join("secret.json"), chat.join("a.json")).expect("linked");
        assert_eq!(told(&chat), ["`a.json` leads out of the policy's folder"]);
        fs::remove_file(chat.join("a.json")).expect("removed");
        fs::write(chat.join("a.json"), "{}").expect("written");
        assert!(load(&chat).is_ok());
    }
}

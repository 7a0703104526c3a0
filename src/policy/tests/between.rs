//! Faults between policies, and of files and folders, by their whole text.

use super::{
    files,
    golden::{FROM, Row, TO, check_printed},
    set,
};
use crate::policy::{compile, files::Content};

#[test]
fn faults_between_policies_name_both() {
    check_printed(&between());
}

pub(super) fn between() -> Vec<Row> {
    let policy = |from: &str, to: &str| format!("[from]\n{from}\n[[to]]\n{to}\n");
    let between = |one: String, two: String| set(&[("one", &one), ("two", &two)]).expect_err("a fault");
    let one = || policy("document = \"a/{identity}\"", "document = \"b/{identity}\"");
    vec![
        (
            between(one(), policy("map = \"{identity}/b\"", "map = \"c/d/e\"\nkey = \"{identity}/{key}\"")),
            concat!(
                "error: a client could write what `b/{identity}` publishes: policy `two`'s `from` `{identity}/b` matches it\n",
                "  --> p/one/policy.toml:4:12\n",
                "  help: give the shared name a first segment that no `from` has (the other stands at p/two/policy.toml:2:7)\n",
                "error: `{identity}/b` claims private names that policy `one`'s `from` `a/{identity}` claims too\n",
                "  --> p/two/policy.toml:2:7\n",
                "  help: give one of them a first segment of its own, or other `services` (the other stands at p/one/policy.toml:2:12)"
            ),
        ),
        (
            between(one(), policy("document = \"{identity}/c\"", "document = \"d/{identity}/x\"")),
            concat!(
                "error: a client could write what `b/{identity}` publishes: policy `two`'s `from` `{identity}/c` matches it\n",
                "  --> p/one/policy.toml:4:12\n",
                "  help: give the shared name a first segment that no `from` has (the other stands at p/two/policy.toml:2:12)\n",
                "error: `{identity}/c` claims private names that policy `one`'s `from` `a/{identity}` claims too\n",
                "  --> p/two/policy.toml:2:12\n",
                "  help: give one of them a first segment of its own, or other `services` (the other stands at p/one/policy.toml:2:12)"
            ),
        ),
        (
            between(one(), policy("document = \"c/{identity}\"", "map = \"b/c\"\nkey = \"{identity}\"")),
            concat!(
                "error: `b/c` names shared objects that policy `one`'s `to` `b/{identity}` names too\n",
                "  --> p/two/policy.toml:4:7\n",
                "  help: one policy publishes to one name: give one of them a first segment of its own (the other stands at p/one/policy.toml:4:12)"
            ),
        ),
        (
            between(one(), policy("document = \"c/{identity}\"", "document = \"a/{identity}\"")),
            concat!(
                "error: a client could write what `a/{identity}` publishes: policy `one`'s `from` `a/{identity}` matches it\n",
                "  --> p/two/policy.toml:4:12\n",
                "  help: give the shared name a first segment that no `from` has (the other stands at p/one/policy.toml:2:12)"
            ),
        ),
    ]
}

#[test]
fn faults_of_files_say_why() {
    check_printed(&of_files());
}

pub(super) fn of_files() -> Vec<Row> {
    let good = format!("{FROM}schema = \"a.json\"\n{TO}");
    let told = |name: &str, content: Content, schema: Content| {
        let mut files = files(name, "", &[]);
        files.policy = content;
        files.schemas.insert("a.json".to_owned(), schema);
        compile(&[files]).expect_err("a fault")
    };
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let twice = [files("chat", &good, &[("a.json", "{}")]), files("chat", &good, &[("a.json", "{}")])];
    vec![
        (
            told("chat", Content::Bytes(vec![b'a', 0xff]), bytes("{}")),
            concat!(
                "error: `policy.toml` is not UTF-8: the byte at 1 is out of place\n",
                "  --> p/chat/policy.toml:1:1\n",
                "  help: save it as UTF-8"
            ),
        ),
        (
            told("chat", Content::TooLarge, bytes("{}")),
            concat!(
                "error: `policy.toml` is larger than 262144 bytes\n",
                "  --> p/chat/policy.toml:1:1\n",
                "  help: divide it; long lists belong in data that a `[[lookup]]` reads"
            ),
        ),
        (
            told("Chat", bytes(&good), bytes("{}")),
            concat!(
                "error: the folder's name `Chat` cannot be a policy's name\n",
                "  --> p/Chat/policy.toml:1:1\n",
                "  help: use small letters, digits and `-`, at most 64 characters"
            ),
        ),
        (
            told("chat", bytes(&good), Content::Outside),
            concat!(
                "error: `a.json` leads out of the policy's folder\n",
                "  --> p/chat/policy.toml:3:10\n",
                "  help: copy the file into the folder"
            ),
        ),
        (
            told("chat", bytes(&good), Content::Unreadable("permission denied".to_owned())),
            concat!(
                "error: `a.json` cannot be read: permission denied\n",
                "  --> p/chat/policy.toml:3:10\n",
                "  help: it must be a plain file that the server may read"
            ),
        ),
        (
            compile(&twice).expect_err("a fault").into_iter().take(1).collect(),
            concat!("error: two policies are called `chat`\n", "  --> p/chat:1:1"),
        ),
        (
            {
                let many: Vec<_> = (0..501).map(|it| files(&format!("p{it:03}"), "", &[])).collect();
                compile(&many).expect_err("a fault")
            },
            concat!("error: there are more than 500 policies\n", "  --> p/p500:1:1"),
        ),
        (
            {
                let near = files("chat", &good, &[("b.json", "{}")]);
                compile(&[near]).expect_err("a fault")
            },
            concat!(
                "error: there is no file `a.json` beside `policy.toml`\n",
                "  --> p/chat/policy.toml:3:10\n",
                "  help: did you mean `b.json`?"
            ),
        ),
        (
            {
                let far = files("chat", &good, &[("board.schema.json", "{}")]);
                compile(&[far]).expect_err("a fault")
            },
            concat!(
                "error: there is no file `a.json` beside `policy.toml`\n",
                "  --> p/chat/policy.toml:3:10\n",
                "  help: there are `board.schema.json`"
            ),
        ),
    ]
}

//! Files that are none, that lie elsewhere, that are too large or too many.

use std::{
    fs::{self, File},
    os::unix::{ffi::OsStrExt, net::UnixListener},
};

use super::{
    attack::{Attack, INNOCENT, WITH_SCHEMA, link, write},
    scene::{Scene, pipe},
};

pub fn attacks() -> Vec<Attack> {
    [links(), kinds(), sizes(), names()].into_iter().flatten().collect()
}

fn innocent(scene: &Scene) {
    write(&scene.set.join("bad/policy.toml"), INNOCENT);
}

fn with_schema(scene: &Scene) {
    write(&scene.set.join("bad/policy.toml"), WITH_SCHEMA);
}

fn links() -> Vec<Attack> {
    vec![
        Attack::planted("a policy is no link out of the folder", |it| {
            link(it, "bad/policy.toml", it.outside.join("policy.toml"));
        })
        .refused(
            "bad/policy.toml:1:1",
            "`policy.toml` leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("a schema is no link out of the folder", |it| {
            with_schema(it);
            link(it, "bad/in.json", it.outside.join("schema.json"));
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("cases are no link out of the folder", |it| {
            innocent(it);
            link(it, "bad/cases/case.toml", it.outside.join("cases/case.toml"));
        })
        .tested()
        .refused(
            "bad/cases/case.toml:1:1",
            "the file of cases leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("a link with dots leads nowhere", |it| {
            link(it, "bad/policy.toml", "../../outside/policy.toml");
        })
        .refused(
            "bad/policy.toml:1:1",
            "`policy.toml` leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("a link to nothing is no policy", |it| link(it, "bad/policy.toml", "nothing"))
            .refused(
                "bad/policy.toml:1:1",
                "`policy.toml` cannot be read: No such file or directory (os error 2)",
                "it must be a plain file that the server may read",
            ),
        Attack::planted("a link to itself ends", |it| link(it, "bad/policy.toml", "policy.toml")).refused(
            "bad/policy.toml:1:1",
            "`policy.toml` cannot be read: Too many levels of symbolic links (os error 40)",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a link to a pipe outside is not opened", |it| {
            with_schema(it);
            link(it, "bad/in.json", it.outside.join("pipe"));
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("a link to an endless device is not read", |it| {
            link(it, "bad/policy.toml", "/dev/zero");
        })
        .refused(
            "bad/policy.toml:1:1",
            "`policy.toml` leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("a link to standard input is not read", |it| {
            with_schema(it);
            link(it, "bad/in.json", "/dev/stdin");
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` leads out of the policy's folder",
            "copy the file into the folder",
        ),
        Attack::planted("a policy's folder is no link", |it| link(it, "bad", &it.outside)).refused(
            "bad:1:1",
            "the folder `bad` leads out of the folder of policies",
            "copy it here: links may lead about within the folder only",
        ),
        Attack::planted("the folder of cases is no link", |it| {
            innocent(it);
            link(it, "bad/cases", it.outside.join("cases"));
        })
        .tested()
        .refused(
            "bad/cases:1:1",
            "`cases` leads out of the policy's folder",
            "copy it here: links may lead about within the folder only",
        ),
    ]
}

fn kinds() -> Vec<Attack> {
    vec![
        Attack::planted("a pipe is no policy", |it| pipe(&it.set.join("bad/policy.toml"))).refused(
            "bad/policy.toml:1:1",
            "`policy.toml` cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a pipe is no schema", |it| {
            with_schema(it);
            pipe(&it.set.join("bad/in.json"));
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a pipe is no file of cases", |it| {
            innocent(it);
            pipe(&it.set.join("bad/cases/case.toml"));
        })
        .tested()
        .refused(
            "bad/cases/case.toml:1:1",
            "the file of cases cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a socket is no schema", |it| {
            with_schema(it);
            drop(UnixListener::bind(it.set.join("bad/in.json")).expect("a socket"));
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a folder is no policy", |it| {
            write(&it.set.join("bad/policy.toml/policy.toml"), INNOCENT);
        })
        .refused(
            "bad/policy.toml:1:1",
            "`policy.toml` cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a folder is no schema", |it| {
            with_schema(it);
            write(&it.set.join("bad/in.json/in.json"), "{}");
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a folder is no file of cases", |it| {
            innocent(it);
            write(&it.set.join("bad/cases/case.toml/case.toml"), "");
        })
        .tested()
        .refused(
            "bad/cases/case.toml:1:1",
            "the file of cases cannot be read: it is not a plain file",
            "it must be a plain file that the server may read",
        ),
        Attack::planted("a folder without a policy is none", |it| write(&it.set.join("bad/in.json"), "{}"))
            .refused("bad:1:1", "the folder `bad` has no `policy.toml`", "write one, or take the folder out"),
        Attack::planted("a schema that is named stands there", with_schema).refused(
            "bad/policy.toml:3:10",
            "there is no file `in.json` beside `policy.toml`",
            "write it: `{}` accepts every object",
        ),
        Attack::planted("a file is no folder of cases", |it| {
            innocent(it);
            write(&it.set.join("bad/cases"), "");
        })
        .tested()
        .refused(
            "bad/cases:1:1",
            "`cases` is no folder",
            "write a folder with files that end in `.toml`, or take it out",
        ),
    ]
}

fn sizes() -> Vec<Attack> {
    vec![
        Attack::planted("a policy has at most 256 KiB, and what says to have a terabyte is not read", |it| {
            innocent(it);
            let file = File::options().write(true).open(it.set.join("bad/policy.toml")).expect("opened");
            file.set_len(1 << 40).expect("as long as a terabyte");
        })
        .refused(
            "bad/policy.toml:1:1",
            "`policy.toml` is larger than 262144 bytes",
            "divide it; long lists belong in data that a `[[lookup]]` reads",
        ),
        Attack::planted("a schema has at most 256 KiB", |it| {
            with_schema(it);
            write(&it.set.join("bad/in.json"), format!("{{{}}}", " ".repeat(256 * 1024)));
        })
        .refused(
            "bad/policy.toml:3:10",
            "`in.json` is larger than 262144 bytes",
            "divide it; long lists belong in data that a `[[lookup]]` reads",
        ),
        Attack::planted("a file of cases has at most 256 KiB", |it| {
            innocent(it);
            write(&it.set.join("bad/cases/case.toml"), "#".repeat(256 * 1024 + 1));
        })
        .tested()
        .refused(
            "bad/cases/case.toml:1:1",
            "the file of cases is larger than 262144 bytes",
            "divide it; long lists belong in data that a `[[lookup]]` reads",
        ),
        Attack::planted("a set has at most 500 policies", |it| {
            for at in 0..=500 {
                write(&it.set.join(format!("p{at}/policy.toml")), INNOCENT);
            }
        })
        .told("p99:1:1", "there are more than 500 policies"),
        Attack::planted("a policy's folder has at most 2000 entries", |it| {
            innocent(it);
            for at in 0..2_000 {
                File::create(it.set.join(format!("bad/{at}"))).expect("made");
            }
        })
        .told("bad:1:1", "the folder has more than 2000 entries"),
        Attack::planted("a folder of cases has at most 2000 entries", |it| {
            innocent(it);
            fs::create_dir(it.set.join("bad/cases")).expect("made");
            for at in 0..=2_000 {
                File::create(it.set.join(format!("bad/cases/{at}"))).expect("made");
            }
        })
        .tested()
        .told("bad/cases:1:1", "the folder has more than 2000 entries"),
        Attack::planted("a set's folder has at most 2000 entries", |it| {
            for at in 0..=2_000 {
                File::create(it.set.join(at.to_string())).expect("made");
            }
        })
        .told(".:1:1", "the folder has more than 2000 entries"),
        Attack::planted("all files of a set together are bounded", |it| {
            innocent(it);
            for at in 0..1_900 {
                let file = File::create(it.set.join(format!("bad/{at}.json"))).expect("made");
                file.set_len(256 * 1024).expect("long");
            }
        })
        .refused(
            "bad:1:1",
            "the files of the set have more than 67108864 bytes up to here",
            "take out what is no schema: each file that ends in `.json` is read",
        ),
    ]
}

fn names() -> Vec<Attack> {
    let schema = |rule: &str, name: &str| Attack::policy(rule, WITH_SCHEMA.replace("\"in.json\"", name));
    vec![
        schema("a schema's name does not climb", "'../outside/schema.json'").refused("bad/policy.toml:3:10", "`schema` must be a file name, not `../outside/schema.json`", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name does not begin at the root", "'/etc/schema.json'").refused("bad/policy.toml:3:10", "`schema` must be a file name, not `/etc/schema.json`", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name leads into no folder", "'cases/in.json'").refused("bad/policy.toml:3:10", "`schema` must be a file name, not `cases/in.json`", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name is no address", "'http://127.0.0.1/in.json'").refused("bad/policy.toml:3:10", "`schema` must be a file name, not `http://127.0.0.1/in.json`", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name is no file address", "'file:///etc/in.json'").refused("bad/policy.toml:3:10", "`schema` must be a file name, not `file:///etc/in.json`", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name has no way back of another system", r"'..\in.json'").refused("bad/policy.toml:3:10", "`schema` must be a file name, not `..\\in.json`", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name has no NUL", "\"in\\u0000.json\"").refused("bad/policy.toml:3:10", "there is no file `in\\u{0}.json` beside `policy.toml`", "write it: `{}` accepts every object"),
        schema("a schema's name is not empty", "''").refused("bad/policy.toml:3:10", "`schema` must be a file name, not ``", "put the schema beside `policy.toml` and write its file name"),
        schema("a schema's name ends in .json", "'policy.toml'").refused("bad/policy.toml:3:10", "the name of a schema's file must end in `.json`, not `policy.toml`", "rename the file"),
        Attack::planted("a policy's name is of small letters", |it| {
            write(&it.set.join("Bad/policy.toml"), INNOCENT);
        })
        .refused("Bad/policy.toml:1:1", "the folder's name `Bad` cannot be a policy's name", "use small letters, digits and `-`, at most 64 characters"),
        Attack::planted("a policy's name is UTF-8", |it| {
            let name = std::ffi::OsStr::from_bytes(b"bad\xff");
            write(&it.set.join(name).join("policy.toml"), INNOCENT);
        })
        .refused("bad�/policy.toml:1:1", "the folder's name `bad�` cannot be a policy's name", "use small letters, digits and `-`, at most 64 characters"),
        Attack::planted("a policy's name has at most 64 characters", |it| {
            write(&it.set.join("a".repeat(65)).join("policy.toml"), INNOCENT);
        })
        .refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/policy.toml:1:1", "the folder's name `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` cannot be a policy's name", "use small letters, digits and `-`, at most 64 characters"),

        schema("a schema's name has an end", &format!("'{}.json'", "a".repeat(5_000))).refused("bad/policy.toml:3:10", &format!("there is no file `{}", "a".repeat(480)), "write it: `{}` accepts every object"),
        Attack::planted("a policy's name has no line break or colour", |it| {
            write(&it.set.join("a\n\u{1b}[31mb/policy.toml"), INNOCENT);
        })
        .refused("a\n\u{1b}[31mb/policy.toml:1:1", "the folder's name `a\\u{a}\\u{1b}[31mb` cannot be a policy's name", "use small letters, digits and `-`, at most 64 characters"),

    ]
}

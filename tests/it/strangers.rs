//! Everybody who may not: each operation of both planes, asked by those who must be refused, with the
//! refusal that it must be.
//!
//! The operations of the backends' plane are those of `docs/openapi.json`: one that is missing from the
//! table fails the test. Of the clients' plane the table stands in `table.rs`.

mod table;
mod tokens;
mod world;
mod backends;
mod clients;
mod governed;

use table::{CLIENTS, FORMS, SHARED_PLANE, described};

#[test]
fn every_described_operation_is_in_the_table_and_no_other() {
    let described = described();
    let mut ids: Vec<&str> = described.iter().map(|it| it.id.as_str()).collect();
    let mut listed: Vec<&str> = FORMS.iter().map(|it| it.0).collect();
    ids.sort_unstable();
    listed.sort_unstable();
    assert_eq!(ids, listed);
    for operation in &described {
        let form = FORMS.iter().find(|it| it.0 == operation.id).and_then(|it| it.1);
        assert_eq!(form.is_some(), operation.method == "POST", "{}: POST has a form", operation.id);
    }
}

#[test]
fn what_both_planes_have_is_in_both_tables() {
    let described = described();
    for (id, client) in SHARED_PLANE {
        assert!(described.iter().any(|it| it.id == *id), "{id} is described");
        assert!(CLIENTS.iter().any(|it| it.id == *client), "{client} is in the clients' table");
    }
}

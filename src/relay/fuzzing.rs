//! What a fuzz target does with a group of the log. Nothing else sees this.

use crate::relay::{
    record::Record,
    seal,
    store::{apply::enact, checkpoint_round_trip, view::View},
};

/// Opens the bytes as they are, and as the records of a group whose seal is right; applies what opens to an empty view
/// and writes the view down as a checkpoint.
pub fn recover_group(bytes: &[u8]) {
    let before = [0; 32];
    let _outcome = seal::open(&before, 1, bytes);
    let Ok(records) = postcard::from_bytes::<Vec<Record>>(bytes) else { return };
    let Ok((blob, _)) = seal::seal(&before, 1, &records) else { return };
    let Ok((opened, _)) = seal::open(&before, 1, &blob) else { return };
    let mut view = View::default();
    for record in &opened {
        let before = view.clone();
        if enact(&mut view, record).is_err() {
            view = before;
        }
    }
    checkpoint_round_trip(&view);
}

//! The anchor: the newest group whose sync has returned, and the file that it stands in.
//!
//! SQLite can open a side file with a flipped bit as if its tail had never been, and what is left is a valid chain: a
//! log that ends below its anchor is refused. The anchor also has the inode and the birth of its own file. A copy of
//! the directory has others, so a start notices that it continues from a copy.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::{AtFlags, StatxFlags};

use super::files::open_private;
use crate::relay::{seal::Chain, store::StoreError};

/// The name of the file.
pub(in crate::relay::store) const ANCHOR: &str = "anchor";

/// The newest group whose sync has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay::store) struct Anchor {
    pub(in crate::relay::store) seq: u64,
    pub(in crate::relay::store) head: Chain,
    /// The file in which it was written; `None` when that was not noted.
    pub(super) file: Option<FileId>,
}

/// What a file system does not give twice: the inode, and the time at which it was made, in nanoseconds. File systems
/// that do not tell that time have 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    inode: u64,
    born_ns: u64,
}

impl FileId {
    fn of(file: &File) -> io::Result<Self> {
        let asked = StatxFlags::INO | StatxFlags::BTIME;
        let found = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, asked)?;
        let known = found.stx_mask & StatxFlags::BTIME.bits() != 0;
        let seconds = u64::try_from(found.stx_btime.tv_sec).unwrap_or_default();
        let born_ns = seconds.wrapping_mul(1_000_000_000).wrapping_add(u64::from(found.stx_btime.tv_nsec));
        Ok(Self { inode: found.stx_ino, born_ns: if known { born_ns } else { 0 } })
    }
}

impl Anchor {
    const BYTES: usize = 8 + 32 + 8 + 8 + 32;
    /// Those of the form without a file.
    const OLD_BYTES: usize = 8 + 32 + 32;

    fn to_bytes(self) -> Vec<u8> {
        let file = self.file.unwrap_or(FileId { inode: 0, born_ns: 0 });
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(&file.inode.to_be_bytes());
        bytes.extend_from_slice(&file.born_ns.to_be_bytes());
        let check = digest(&SHA256, &bytes);
        bytes.extend_from_slice(check.as_ref());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let noted = match bytes.len() {
            Self::BYTES => true,
            Self::OLD_BYTES => false,
            _ => return None,
        };
        let (content, check) = bytes.split_last_chunk::<32>()?;
        if digest(&SHA256, content).as_ref() != check {
            return None;
        }
        let (seq, rest) = content.split_first_chunk::<8>()?;
        let (head, rest) = rest.split_first_chunk::<32>()?;
        let mut file = None;
        if noted {
            let (inode, rest) = rest.split_first_chunk::<8>()?;
            let (born_ns, _) = rest.split_first_chunk::<8>()?;
            let (inode, born_ns) = (u64::from_be_bytes(*inode), u64::from_be_bytes(*born_ns));
            file = (inode != 0).then_some(FileId { inode, born_ns });
        }
        Some(Self { seq: u64::from_be_bytes(*seq), head: *head, file })
    }
}

/// The open file.
pub(super) struct AnchorFile {
    file: File,
    id: FileId,
    /// Whether the next write changes the length of the file: that is made durable, else a power cut could leave the
    /// new bytes with the old length.
    grows: bool,
}

impl AnchorFile {
    /// Opens the file.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let file = open_private(&directory.join(ANCHOR), OpenOptions::new().read(true).write(true))?;
        let grows = file.metadata()?.len() != Anchor::BYTES as u64;
        Ok(Self { id: FileId::of(&file)?, file, grows })
    }

    /// Makes the file of a store without groups. It is durable before the first group is: no row is ever beside an empty anchor.
    pub(super) fn create(directory: &Path) -> io::Result<Self> {
        let options = &mut OpenOptions::new();
        let file = open_private(
            &directory.join(ANCHOR),
            options.read(true).write(true).create(true).truncate(true),
        )?;
        let mut made = Self { id: FileId::of(&file)?, file, grows: true };
        made.write(0, &[0; 32])?;
        Ok(made)
    }

    /// What it holds; `None` when it is empty.
    pub(super) fn read(&self) -> Result<Option<Anchor>, StoreError> {
        let length = self.file.metadata()?.len();
        if length == 0 {
            return Ok(None);
        }
        let damaged = StoreError::Damaged(ANCHOR);
        let mut bytes = match usize::try_from(length) {
            Ok(length @ ..=Anchor::BYTES) => vec![0; length],
            _ => return Err(damaged),
        };
        self.file.read_exact_at(&mut bytes, 0)?;
        Anchor::from_bytes(&bytes).ok_or(damaged).map(Some)
    }

    /// Whether the anchor was written in another file: the directory is a copy.
    pub(super) fn is_copied(&self, anchor: &Anchor) -> bool {
        anchor.file != Some(self.id)
    }

    /// Writes the newest group, unsynced, and that it was written here.
    pub(super) fn write(&mut self, seq: u64, head: &Chain) -> io::Result<()> {
        let anchor = Anchor { seq, head: *head, file: Some(self.id) };
        self.file.write_all_at(&anchor.to_bytes(), 0)?;
        if std::mem::take(&mut self.grows) {
            self.file.sync_all()?;
        }
        Ok(())
    }
}

/// Writes an anchor into a copy, durably: it names no file, so that the copy is noticed.
pub(in crate::relay::store) fn write_copy(directory: &Path, seq: u64, head: Chain) -> io::Result<()> {
    let file =
        open_private(&directory.join(ANCHOR), OpenOptions::new().create(true).truncate(true).write(true))?;
    file.write_all_at(&Anchor { seq, head, file: None }.to_bytes(), 0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_round_trip_and_each_flipped_bit_is_noticed() {
        for file in [None, Some(FileId { inode: 7, born_ns: 9 })] {
            let anchor = Anchor { seq: 3, head: [5; 32], file };
            let bytes = anchor.to_bytes();
            assert_eq!(Anchor::from_bytes(&bytes), Some(anchor));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Anchor::from_bytes(&flipped), None, "bit {bit}");
            }
            assert_eq!(Anchor::from_bytes(&bytes[1..]), None);
        }
    }
}

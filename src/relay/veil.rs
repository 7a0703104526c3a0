//! How the log names people: as they are, or by a keyed hash that says nothing to who has not the key.

use aws_lc_rs::hmac;

/// How the log names identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogIdentities {
    /// As they are.
    #[default]
    Plain,
    /// By a keyed hash, the same in one store. Names of objects are hashed segment by segment, since
    /// any of them may be an identity: whose it is shows where the two are the same.
    Hashed,
}

/// Hides texts from the log.
pub(super) struct Veil(hmac::Key);

impl Veil {
    /// The veil of a store, if there is to be one.
    pub(super) fn of(how: LogIdentities, secret: &[u8; 32]) -> Option<Self> {
        (how == LogIdentities::Hashed).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// A text's alias: `#` and 16 hexadecimal digits.
    pub(super) fn alias(&self, text: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"log\0");
        context.update(text.as_bytes());
        let tag = context.sign();
        let digits: String = tag.as_ref().iter().take(8).map(|it| format!("{it:02x}")).collect();
        format!("#{digits}")
    }

    /// A name, each segment by its alias.
    pub(super) fn name(&self, name: &str) -> String {
        name.split('/').map(|it| self.alias(it)).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_it_is_shows_and_who_it_is_does_not() {
        assert!(Veil::of(LogIdentities::Plain, &[1; 32]).is_none());
        let veil = Veil::of(LogIdentities::Hashed, &[1; 32]).expect("a veil");
        let (name, ada) = (veil.name("cursors/7/ada"), veil.alias("ada"));
        assert!(name.ends_with(&format!("/{ada}")) && !name.contains("ada"), "{name}");
        let other = Veil::of(LogIdentities::Hashed, &[2; 32]).expect("a veil");
        assert_ne!(other.alias("ada"), ada, "of another store");
    }
}

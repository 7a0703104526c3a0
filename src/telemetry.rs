//! Where events go: to standard error, as lines of text or JSON, and never two lines for one event.

use std::io::{self, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For pipelines.
    Json,
}

/// The filter or the subscriber was refused.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter `{filter}` cannot be read")]
    Filter {
        /// As it was given.
        filter: String,
        /// Why not.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else has set one up.
    #[error("logging was set up twice")]
    Twice(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sets up logging for this process.
///
/// # Errors
/// When the filter cannot be read, or on a second call.
pub fn start(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let parsed = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(OneLine).with_ansi(false);
    match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(TelemetryError::Twice)
}

/// Writes each event with its control characters escaped: what a client sent can neither begin a line of its
/// own nor move the cursor of who reads it.
struct OneLine;

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = Line<io::StderrLock<'a>>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(io::stderr().lock())
    }
}

struct Line<W>(W);

impl<W: Write> Write for Line<W> {
    /// Called once for each event, with its whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(escaped(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(line: &str) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    let mut out = String::with_capacity(line.len());
    for character in text.chars() {
        // The last two begin a line in some viewers, and are no control characters.
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_one_line() {
        let cases = [
            ("refused name=é\n", "refused name=é\n"),
            ("a\nINFO forged\n", "a\\u{a}INFO forged\n"),
            ("\u{1b}[2Jgone\r\n", "\\u{1b}[2Jgone\\u{d}\n"),
            ("c1 \u{9b}31m\u{2028}", "c1 \\u{9b}31m\\u{2028}"),
        ];
        for (line, expected) in cases {
            assert_eq!(escaped(line), expected);
        }
    }
}

//! Where events go: to standard error, as lines of text or JSON, and never two lines for one event.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tracing::dispatcher::{Dispatch, with_default};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    fmt::{
        MakeWriter, SubscriberBuilder,
        format::{DefaultFields, Format, Full, Json, JsonFields},
    },
};

use crate::domain::limits::LOG_LINES_MAX;

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

/// The log of this process. When it is dropped, what waits is written, for at most a second.
#[must_use]
pub struct Log(#[expect(dead_code, reason = "it is dropped")] WorkerGuard);

/// Sets up logging for this process.
///
/// # Errors
/// When the filter cannot be read, or on a second call.
pub fn start(format: LogFormat, filter: &str) -> Result<Log, TelemetryError> {
    let parsed = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let (queue, log) = queue(format, io::stderr(), LOG_LINES_MAX);
    match format {
        LogFormat::Text => text(queue).with_env_filter(parsed).try_init(),
        LogFormat::Json => json(queue).with_env_filter(parsed).try_init(),
    }
    .map_err(TelemetryError::Twice)?;
    Ok(log)
}

/// Writes lines on a thread of its own: who logs never waits for who reads, and may hold the order of events.
/// What finds no room is dropped and counted.
fn queue<W: Write + Send + 'static>(format: LogFormat, out: W, lines_max: usize) -> (NonBlocking, Log) {
    let dropped = Arc::new(OnceLock::new());
    let lines = Lines { out, format, dropped: Arc::clone(&dropped), reported: 0 };
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(lines_max);
    let (queue, guard) = builder.thread_name("log").finish(lines);
    // The counter comes with the queue, whose thread has the writer already.
    dropped.get_or_init(|| queue.error_counter());
    (queue, Log(guard))
}

fn text<W>(writer: W) -> SubscriberBuilder<DefaultFields, Format<Full>, LevelFilter, W>
where
    W: for<'w> MakeWriter<'w> + 'static,
{
    tracing_subscriber::fmt().with_ansi(false).with_target(false).with_writer(writer)
}

fn json<W>(writer: W) -> SubscriberBuilder<JsonFields, Format<Json>, LevelFilter, W>
where
    W: for<'w> MakeWriter<'w> + 'static,
{
    tracing_subscriber::fmt()
        .with_ansi(false)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(writer)
}

/// The far end of the queue: writes each event as one line, and says how many were lost once it can.
struct Lines<W> {
    out: W,
    format: LogFormat,
    dropped: Arc<OnceLock<ErrorCounter>>,
    reported: usize,
}

impl<W: Write> Write for Lines<W> {
    /// Called once for each event, with its whole line. Control characters are escaped: what a client sent can
    /// neither begin a line of its own nor move the cursor of who reads it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.out.write_all(escaped(&String::from_utf8_lossy(line)).as_bytes())?;
        let dropped = self.dropped.get().map_or(0, ErrorCounter::dropped_lines);
        if self.reported < dropped {
            let report = lost(self.format, dropped - self.reported);
            self.out.write_all(escaped(&String::from_utf8_lossy(&report)).as_bytes())?;
            self.reported = dropped;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The line about lines that were dropped. It does not go through the queue, where it could be lost as well.
fn lost(format: LogFormat, lines: usize) -> Vec<u8> {
    let written = Arc::new(Mutex::new(Vec::new()));
    let kept = Kept(Arc::clone(&written));
    let writer = move || kept.clone();
    let dispatch = match format {
        LogFormat::Text => Dispatch::new(text(writer).finish()),
        LogFormat::Json => Dispatch::new(json(writer).finish()),
    };
    with_default(&dispatch, || {
        tracing::warn!(log.lines_lost = lines, "the log was too slow: lines were lost")
    });
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *written)
}

/// Keeps what is written.
#[derive(Clone)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    use std::sync::mpsc::{Receiver, Sender, channel};

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
    /// An outlet that takes one line at a time, and only when it is asked to.
    struct Slow {
        begun: Sender<()>,
        go: Receiver<()>,
        lines: Arc<Mutex<Vec<String>>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _nobody_waits = self.begun.send(());
            // Once the other end is gone, all goes through.
            let _free = self.go.recv();
            self.lines.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stops_holds_nobody_up_and_is_told_what_it_missed() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let (begun, begins) = channel();
            let (go, goes) = channel();
            let lines = Arc::new(Mutex::new(Vec::new()));
            let slow = Slow { begun, go: goes, lines: Arc::clone(&lines) };
            let (mut queue, log) = queue(format, slow, 10);
            queue.write_all(b"first\n").unwrap();
            begins.recv().unwrap();
            // The first line is being written and does not get away: ten wait behind it, the rest is lost.
            for number in 0..1_000 {
                queue.write_all(format!("line {number}\n").as_bytes()).unwrap();
            }
            assert!(lines.lock().unwrap().is_empty());
            drop(go);
            drop(log);
            let lines = lines.lock().unwrap();
            assert_eq!((lines.len(), lines[0].as_str(), lines[11].as_str()), (12, "first\n", "line 9\n"));
            let expected = match format {
                LogFormat::Text => "WARN the log was too slow: lines were lost log.lines_lost=990\n",
                LogFormat::Json => {
                    r#""level":"WARN","message":"the log was too slow: lines were lost","log.lines_lost":990,"#
                }
            };
            assert!(lines[1].contains(expected), "{}", lines[1]);
        }
    }
}

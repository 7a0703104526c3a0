//! Where events go: to standard error, as lines of text or JSON, and never two lines for one event.
//!
//! So many bytes a second are written and no more: a log that grows as fast as clients want fills the disk.

use std::{
    io::{self, Write},
    num::NonZeroU32,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use governor::Quota;
use tracing::{
    Level, Metadata,
    dispatcher::{Dispatch, with_default},
};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    fmt::{
        MakeWriter, SubscriberBuilder,
        format::{DefaultFields, Format, Full, Json, JsonFields},
    },
};

use crate::domain::{
    buckets::Bucket,
    limits::{LOG_BURST_SECONDS, LOG_LINES_MAX, LOG_RESERVED_SHARE},
};

/// Between two lines about lines that were lost.
const LOST_PAUSE: Duration = Duration::from_secs(1);

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

/// Sets up logging for this process: at most so many bytes a second, and sixty times as many at once; 0 is no bound.
///
/// # Errors
/// When the filter cannot be read, or on a second call.
pub fn start(format: LogFormat, filter: &str, bytes_per_second: u32) -> Result<Log, TelemetryError> {
    let parsed = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let meter = Arc::new(Meter::new(bytes_per_second, Instant::now()));
    let (queue, log) = queue(format, io::stderr(), LOG_LINES_MAX, Arc::clone(&meter));
    let metered = Metered { queue, meter };
    match format {
        LogFormat::Text => text(metered).with_env_filter(parsed).try_init(),
        LogFormat::Json => json(metered).with_env_filter(parsed).try_init(),
    }
    .map_err(TelemetryError::Twice)?;
    Ok(log)
}

/// Writes lines on a thread of its own: who logs never waits for who reads, and may hold the order of events.
/// What finds no room is dropped and counted.
fn queue<W: Write + Send + 'static>(
    format: LogFormat,
    out: W,
    lines_max: usize,
    meter: Arc<Meter>,
) -> (NonBlocking, Log) {
    let dropped = Arc::new(OnceLock::new());
    let counter = Arc::clone(&dropped);
    let lines = Lines { out, format, dropped: counter, meter, too_slow: 0, too_fast: 0, reported: None };
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

/// How many bytes may go into the log.
struct Meter {
    since: Instant,
    /// Of everything, and of what is no warning: the rest is for warnings.
    buckets: Option<Mutex<(Bucket, Bucket)>>,
    quotas: (Quota, Quota),
    /// Lines for which there was no room.
    lost: AtomicUsize,
}

impl Meter {
    fn new(bytes_per_second: u32, now: Instant) -> Self {
        let quota =
            |rate: NonZeroU32| Quota::per_second(rate).allow_burst(rate.saturating_mul(LOG_BURST_SECONDS));
        let rate = NonZeroU32::new(bytes_per_second);
        let lower = bytes_per_second - bytes_per_second / LOG_RESERVED_SHARE;
        let (all, lower) =
            (rate.unwrap_or(NonZeroU32::MIN), NonZeroU32::new(lower).unwrap_or(NonZeroU32::MIN));
        Self {
            since: now,
            buckets: rate.map(|_| Mutex::default()),
            quotas: (quota(all), quota(lower)),
            lost: AtomicUsize::new(0),
        }
    }

    /// Whether a line of this level and length may be written now; one that may not is counted as lost.
    fn take(&self, level: Level, bytes: usize, now: Instant) -> bool {
        let Some(buckets) = &self.buckets else { return true };
        let Some(bytes) = u32::try_from(bytes).ok().and_then(NonZeroU32::new) else { return true };
        let at = u64::try_from((now - self.since).as_nanos()).unwrap_or(u64::MAX);
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, lower) = &mut *buckets;
        let warns = level <= Level::WARN;
        let taken = (warns || lower.take(bytes, self.quotas.1, at).is_ok())
            && all.take(bytes, self.quotas.0, at).is_ok();
        if !taken {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }
}

/// The near end of the queue: what the meter lets through.
struct Metered {
    queue: NonBlocking,
    meter: Arc<Meter>,
}

/// One event on its way into the queue.
struct MeteredLine<'m> {
    to: &'m Metered,
    level: Level,
}

impl<'w> MakeWriter<'w> for Metered {
    type Writer = MeteredLine<'w>;

    fn make_writer(&'w self) -> MeteredLine<'w> {
        MeteredLine { to: self, level: Level::INFO }
    }

    fn make_writer_for(&'w self, event: &Metadata<'_>) -> MeteredLine<'w> {
        MeteredLine { to: self, level: *event.level() }
    }
}

impl Write for MeteredLine<'_> {
    /// Called once for each event, with its whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.to.meter.take(self.level, line.len(), Instant::now()) {
            return self.to.queue.clone().write(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The far end of the queue: writes each event as one line, and says how many were lost once it can.
struct Lines<W: Write> {
    out: W,
    format: LogFormat,
    dropped: Arc<OnceLock<ErrorCounter>>,
    meter: Arc<Meter>,
    /// Lost and told: because they were not read, and because they were too many.
    too_slow: usize,
    too_fast: usize,
    reported: Option<Instant>,
}

impl<W: Write> Lines<W> {
    fn report(&mut self) -> io::Result<()> {
        let dropped = self.dropped.get().map_or(0, ErrorCounter::dropped_lines);
        let refused = self.meter.lost.load(Ordering::Relaxed);
        let counts =
            [(&mut self.too_slow, dropped, Loss::TooSlow), (&mut self.too_fast, refused, Loss::TooFast)];
        for (told, lost, loss) in counts {
            if *told < lost {
                let report = lost_lines(self.format, loss, lost - *told);
                self.out.write_all(escaped(&String::from_utf8_lossy(&report)).as_bytes())?;
                *told = lost;
                self.reported = Some(Instant::now());
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Lines<W> {
    /// Called once for each event, with its whole line. Control characters are escaped: what a client sent can
    /// neither begin a line of its own nor move the cursor of who reads it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.out.write_all(escaped(&String::from_utf8_lossy(line)).as_bytes())?;
        if self.reported.is_none_or(|it| LOST_PAUSE <= it.elapsed()) {
            self.report()?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Drop for Lines<W> {
    fn drop(&mut self) {
        // The process ends: nobody is left who could be told of a fault.
        let _unwritten = self.report();
    }
}

/// Why lines were lost.
#[derive(Clone, Copy)]
enum Loss {
    TooSlow,
    TooFast,
}

/// The line about lines that were lost. It does not go through the queue, where it could be lost as well.
fn lost_lines(format: LogFormat, loss: Loss, lines: usize) -> Vec<u8> {
    let written = Arc::new(Mutex::new(Vec::new()));
    let kept = Kept(Arc::clone(&written));
    let writer = move || kept.clone();
    let dispatch = match format {
        LogFormat::Text => Dispatch::new(text(writer).finish()),
        LogFormat::Json => Dispatch::new(json(writer).finish()),
    };
    with_default(&dispatch, || match loss {
        Loss::TooSlow => tracing::warn!(log.lines_lost = lines, "the log was too slow: lines were lost"),
        Loss::TooFast => tracing::warn!(
            log.lines_lost = lines,
            "the log was too fast for --log-bytes-per-second: lines were lost"
        ),
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
            let meter = Arc::new(Meter::new(0, Instant::now()));
            let (mut queue, log) = queue(format, slow, 10, meter);
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

    #[test]
    fn bytes_a_second_are_bounded_and_warnings_have_room_left() {
        let start = Instant::now();
        let meter = Meter::new(1_000, start);
        let take = |level, times: usize, now| (0..times).filter(|_| meter.take(level, 100, now)).count();
        // A minute's worth at once, a quarter of it for warnings.
        assert_eq!(take(Level::INFO, 1_000, start), 450);
        assert_eq!(take(Level::WARN, 1_000, start), 150);
        assert_eq!(meter.lost.load(Ordering::Relaxed), 550 + 850);
        let later = start + Duration::from_secs(1);
        assert_eq!((take(Level::INFO, 100, later), take(Level::ERROR, 100, later)), (7, 3));
        let unbounded = Meter::new(0, start);
        assert!((0..1_000).all(|_| unbounded.take(Level::TRACE, 1_000_000, start)));
    }

    #[test]
    fn lines_that_were_too_many_are_told_at_the_end_at_the_latest() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let meter = Arc::new(Meter::new(10, Instant::now()));
        let (queue, log) = queue(LogFormat::Text, Kept(Arc::clone(&lines)), 10_000, Arc::clone(&meter));
        let metered = Metered { queue, meter };
        for _ in 0..100 {
            metered.make_writer().write_all(&[b'x'; 45]).unwrap();
        }
        drop((metered, log));
        let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches(&"x".repeat(45)).count(), 10);
        assert!(text.contains("lines were lost log.lines_lost=90"), "{text}");
    }
}

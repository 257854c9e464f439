//! Logs on standard error: text on a terminal, JSON lines otherwise; and the progress bar, which
//! steps aside for them.

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Starts logging. Without `level`: info on a terminal, else warnings; `quiet` leaves errors.
pub fn init(level: Option<Level>, quiet: bool) {
    let terminal = io::stderr().is_terminal();
    let level = match (quiet, level, terminal) {
        (true, _, _) => Level::ERROR,
        (false, Some(level), _) => level,
        (false, None, true) => Level::INFO,
        (false, None, false) => Level::WARN,
    };
    let logs = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(BesideBars)
        .with_target(level >= Level::DEBUG);
    // A second call, as tests may make, changes nothing.
    let _ = if terminal {
        logs.without_time().try_init_boxed()
    } else {
        logs.json().flatten_event(true).try_init_boxed()
    };
}

/// `try_init` of differently typed subscribers, with one result.
trait TryInit {
    fn try_init_boxed(self) -> Result<(), ()>;
}

impl<S> TryInit for S
where
    S: Into<tracing::Dispatch>,
{
    fn try_init_boxed(self) -> Result<(), ()> {
        tracing::dispatcher::set_global_default(self.into()).map_err(|_| ())
    }
}

/// A bar on standard error while long work goes on; invisible unless that is a terminal.
pub fn progress(quiet: bool, what: &'static str) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = BARS
        .get_or_init(MultiProgress::new)
        .add(ProgressBar::no_length());
    if let Ok(style) = ProgressStyle::with_template("{msg} {pos}/{len} {wide_bar} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

struct BesideBars;

impl<'a> MakeWriter<'a> for BesideBars {
    type Writer = Self;
    fn make_writer(&'a self) -> Self::Writer {
        Self
    }
}

impl Write for BesideBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(line).map(|()| line.len());
        match BARS.get() {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

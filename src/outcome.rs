//! How a run ended: its summary and the exit code of the process.

use std::fmt;
use std::process::ExitCode;

/// How a recorded run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize)]
#[sqlx(type_name = "run_outcome", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Ran; nothing failed.
    Ok,
    /// Ran; some items failed or are in doubt, and will be tried again.
    Partial,
    /// Could not run to its end.
    Failed,
    /// Found unfinished by a later run: the process died.
    Crashed,
}

impl Outcome {
    /// The word in lists and summaries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        }
    }
}

/// What a run did, in items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made at Stripe, or found there and taken over.
    pub created: u64,
    /// Waiting with a reason, or sent without an answer.
    pub waiting: u64,
    /// Refused, or not readable; tried again.
    pub failed: u64,
    /// Ended by our decision.
    pub aborted: u64,
    /// Not ours to pay.
    pub ignored: u64,
    /// Of `waiting`: sent, and no answer came. Sent again or looked up by the next run.
    pub in_doubt: u64,
    /// Of all these: what was not already so before the run.
    pub news: u64,
}

impl Counts {
    /// The outcome of a run that came to its end.
    pub fn outcome(&self) -> Outcome {
        if self.failed > 0 || self.in_doubt > 0 {
            Outcome::Partial
        } else {
            Outcome::Ok
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} created, {} waiting, {} failed, {} aborted, {} ignored",
            self.created, self.waiting, self.failed, self.aborted, self.ignored
        )?;
        if self.in_doubt > 0 {
            write!(f, " ({} of the waiting in doubt)", self.in_doubt)?;
        }
        Ok(())
    }
}

/// What the exit status of the process says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: ran and nothing failed; or another run holds the lock; or the job is switched off.
    Done,
    /// 1: could not run (database, network, key, outdated schema).
    CouldNotRun,
    /// 2: wrong usage or settings.
    Usage,
    /// 3: ran; some items failed and will be tried again.
    SomeFailed,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::CouldNotRun => 1,
            Self::Usage => 2,
            Self::SomeFailed => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Done,
            Outcome::Partial => Self::SomeFailed,
            Outcome::Failed | Outcome::Crashed => Self::CouldNotRun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_whether_somebody_has_to_look() {
        let counts = |failed, in_doubt| Counts {
            failed,
            in_doubt,
            waiting: in_doubt,
            ..Counts::default()
        };
        for (counts, code) in [
            (Counts::default(), 0),
            (
                Counts {
                    created: 5,
                    waiting: 9,
                    aborted: 1,
                    ignored: 1,
                    ..Counts::default()
                },
                0,
            ),
            (counts(1, 0), 3),
            (counts(0, 1), 3),
        ] {
            assert_eq!(Exit::from(counts.outcome()).code(), code, "{counts}");
        }
        assert_eq!(Exit::from(Outcome::Failed).code(), 1);
        assert_eq!(Exit::Usage.code(), 2);
    }
}

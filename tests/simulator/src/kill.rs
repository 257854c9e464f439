//! The kill switch: SIGKILL to a given process at a given call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

/// How long a call waits for its switch to be armed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time for the killed process to be gone before its connection closes, so that it cannot see
/// the closing.
const GRACE: Duration = Duration::from_millis(50);

/// On which side of the call's effect the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The effect never happens.
    Before,
    /// The effect has happened; the answer never leaves.
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Unknown,
    Nobody,
    Process(Pid),
}

/// Made by [`Faults::kill_at_call`](crate::Faults::kill_at_call); arm it with the process to kill.
#[derive(Clone, Debug)]
pub struct KillSwitch {
    when: When,
    target: Arc<watch::Sender<Target>>,
    fired: Arc<AtomicBool>,
}

impl KillSwitch {
    pub(crate) fn new(when: When) -> Self {
        Self {
            when,
            target: Arc::new(watch::Sender::new(Target::Unknown)),
            fired: Arc::default(),
        }
    }

    /// Names the process to kill.
    ///
    /// # Panics
    /// On an id that is no other process: 0 and 1 mean more than one, and the own process is the test.
    pub fn arm(&self, pid: u32) {
        let id = i32::try_from(pid).unwrap_or(0);
        assert!(
            id > 1 && pid != std::process::id(),
            "process {pid} cannot be killed"
        );
        self.target.send_replace(Target::Process(Pid::from_raw(id)));
    }

    /// Gives up: the call, if it still comes, is answered as any other.
    pub fn disarm(&self) {
        self.target.send_replace(Target::Nobody);
    }

    /// Whether the process was killed.
    pub fn fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }

    pub(crate) fn when(&self) -> When {
        self.when
    }

    /// Waits to be armed and kills. Whether the connection is to be cut: not if the switch was
    /// disarmed, or its process had ended by itself.
    pub(crate) async fn strike(&self) -> bool {
        let mut armed = self.target.subscribe();
        let known = armed.wait_for(|target| *target != Target::Unknown);
        let target = match tokio::time::timeout(PATIENCE, known).await {
            Ok(Ok(target)) => *target,
            _ => Target::Unknown,
        };
        match target {
            Target::Unknown => true,
            Target::Nobody => false,
            Target::Process(pid) => {
                // Said first: whoever sees the process gone must not find that nobody killed it.
                self.fired.store(true, Ordering::SeqCst);
                let killed = kill(pid, Signal::SIGKILL).is_ok();
                if killed {
                    tokio::time::sleep(GRACE).await;
                } else {
                    self.fired.store(false, Ordering::SeqCst);
                }
                killed
            }
        }
    }
}

//! A call that is held back: time stands still for its process while something else happens.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::kill::When;

/// How long a call is held at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// Made by [`Faults::hold_at_call`](crate::Faults::hold_at_call).
#[derive(Clone, Debug)]
pub struct Hold {
    when: When,
    reached: Arc<watch::Sender<bool>>,
    released: Arc<watch::Sender<bool>>,
}

impl Hold {
    pub(crate) fn new(when: When) -> Self {
        Self {
            when,
            reached: Arc::new(watch::Sender::new(false)),
            released: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Waits until the call is there and held; for ever, if it never comes.
    pub async fn reached(&self) {
        until(&self.reached).await;
    }

    /// Lets the call go on, or pass if it has not come yet.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    pub(crate) fn when(&self) -> When {
        self.when
    }

    pub(crate) async fn wait(&self) {
        self.reached.send_replace(true);
        let _ = tokio::time::timeout(PATIENCE, until(&self.released)).await;
    }
}

async fn until(flag: &watch::Sender<bool>) {
    // The sender lives as long as the flag, so that the wait cannot fail.
    let _ = flag.subscribe().wait_for(|set| *set).await;
}

//! The handle that tests hold.

use std::io;
use std::sync::Arc;

use crate::background::Background;
use crate::calls::Call;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::mirakl::Mirakl;
use crate::server::Shared;
use crate::stripe::Stripe;

/// One Stripe and one or more marketplaces, served until the last handle is dropped.
#[derive(Clone)]
pub struct Simulator {
    background: Arc<Background>,
    shared: Arc<Shared>,
    mirakl: Mirakl,
    stripe: Stripe,
}

impl Simulator {
    /// Starts on free ports of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        Self::open(0, 0).await
    }

    /// Starts with Mirakl on `port` and Stripe on the next one; 0 is for free ones.
    pub async fn start_on(port: u16) -> io::Result<Self> {
        if port == 0 {
            return Self::start().await;
        }
        let next = port.checked_add(1);
        let next = next.ok_or_else(|| io::Error::other("there is no port after 65535"))?;
        Self::open(port, next).await
    }

    async fn open(mirakl_port: u16, stripe_port: u16) -> io::Result<Self> {
        let background = Arc::new(Background::new()?);
        let shared = Arc::new(Shared::default());
        let mirakl = Mirakl::open(&background, &shared, mirakl_port).await?;
        let stripe = Stripe::open(&background, &shared, stripe_port).await?;
        Ok(Self {
            background,
            shared,
            mirakl,
            stripe,
        })
    }

    /// Another marketplace, on a port of its own, beside the same Stripe.
    pub async fn add_marketplace(&self) -> io::Result<Mirakl> {
        Mirakl::open(&self.background, &self.shared, 0).await
    }

    /// The first marketplace.
    pub fn mirakl(&self) -> &Mirakl {
        &self.mirakl
    }

    /// Stripe.
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// The clock that all fakes follow.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Every call since the start or the last clearing, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.all()
    }

    /// Empties the log of calls.
    pub fn clear_calls(&self) {
        self.shared.calls.clear();
    }

    /// How often an endpoint was called, such as `GET /v1/charges/{id}`.
    pub fn count(&self, endpoint: &str) -> usize {
        self.shared.calls.count(endpoint)
    }
}

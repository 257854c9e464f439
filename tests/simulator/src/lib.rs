//! A stateful fake Mirakl and fake Stripe on loopback.
//!
//! They follow what is known of the two APIs and know nothing of the program under test, so that
//! their ledger can decide what happened. Faults, latency and a kill switch are at hand, and the
//! clock can be moved.
#![forbid(unsafe_code)]

mod api;
mod background;
mod bodies;
mod calls;
mod clock;
mod faults;
mod kill;
mod mirakl;
mod server;
mod simulator;
mod socket;
mod stripe;

pub use calls::{Api, Call};
pub use clock::Clock;
pub use faults::{Effect, Fault, Faults, Trigger};
pub use kill::{KillSwitch, When};
pub use mirakl::{LineSeed, MIRAKL_CLIENT_ID, MIRAKL_CLIENT_SECRET, MIRAKL_KEY, Mirakl, OrderSeed};
pub use simulator::Simulator;
pub use stripe::{
    AccountSeed, Payment, PaymentSeed, STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY, Stripe,
    Transfer, TransferSeed,
};

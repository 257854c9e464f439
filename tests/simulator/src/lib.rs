//! A stateful fake Mirakl and fake Stripe on loopback, and the servers that an operator is told and mailed on.
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
pub mod drive;
mod faults;
mod fields;
mod hold;
mod kill;
mod mailbox;
mod mirakl;
pub mod prove;
mod receiver;
mod server;
mod simulator;
mod socket;
mod stripe;

pub use calls::{Api, Call};
pub use clock::Clock;
pub use faults::{Effect, Fault, Faults, Trigger};
pub use hold::Hold;
pub use kill::{KillSwitch, When};
pub use mailbox::{Mail, Mailbox};
pub use mirakl::{
    BatchRule, Confirmation, DebitSeed, InvoiceSeed, LineSeed, MIRAKL_CLIENT_ID,
    MIRAKL_CLIENT_SECRET, MIRAKL_KEY, Mirakl, OrderSeed, RefundConfirmation, RefundSeed,
    ServiceConfirmation, ServiceRefundConfirmation, ServiceRefundSeed, ServiceRoot, ServiceSeed,
    ShopSeed,
};
pub use receiver::{Behaviour, Delivery, Receiver};
pub use simulator::Simulator;
pub use stripe::{
    Account, AccountLink, AccountSeed, Cancellation, Capture, Payment, PaymentSeed, PaymentView,
    Payout, Refund, RefundBalanceRule, Releases, Reversal, STRIPE_KEY, STRIPE_LIVE_KEY,
    STRIPE_RESTRICTED_KEY, SellerTransfer, Stripe, Transfer, TransferSeed, Visit,
};

//! What the operator's server is told: documents, the request that carries one, and the delivery
//! after each job; and the mails to the people who run this.

mod deliver;
mod event;
pub mod mail;
mod request;

pub use deliver::deliver;
pub use event::{Event, PayoutFailed, RefundFailed, TransferFailed};
pub use request::Notifier;

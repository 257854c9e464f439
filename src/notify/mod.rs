//! What the operator's server is told: documents, the request that carries one, and the delivery
//! after each job.

mod deliver;
mod event;
mod request;

pub use deliver::deliver;
pub use event::{Event, PayoutFailed, RefundFailed, TransferFailed};
pub use request::Notifier;

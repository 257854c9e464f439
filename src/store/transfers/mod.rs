//! Transfers: what was decided, what was sent, what came of it.

mod adopt;
mod invoices;
mod list;
mod record;
mod send;

pub use adopt::{Adopted, AdoptionResult, MADE_BY_OLD, MADE_HERE, adopt, of_old_connector};
pub use invoices::{NO_LONGER_ASKED, PendingMovement, hold, payer_of, pending_movements};
pub use list::{ListedTransfer, TransferFilter, list};
pub use record::{
    DueRow, KnownRow, NewDecision, TransferKey, basket_is_due, due, known, record, reopen_included,
    set_differences, shops_are_due,
};
pub use send::{
    Failed, Made, NAMED, Pending, Resolution, Resolvable, created, failed, is_taken, mark_sent,
    pending, resolvable, resolve,
};

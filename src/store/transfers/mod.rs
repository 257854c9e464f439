//! Transfers: what was decided, what was sent, what came of it.

mod adopt;
mod list;
mod record;
mod send;

pub use adopt::{Adopted, AdoptionResult, adopt};
pub use list::{ListedTransfer, TransferFilter, list};
pub use record::{
    DueRow, KnownRow, NewDecision, basket_is_due, due, known, record, reopen_included,
    set_differences, shops_are_due,
};
pub use send::{
    Failed, Made, Pending, Resolution, Resolvable, created, failed, mark_sent, pending, resolvable,
    resolve,
};

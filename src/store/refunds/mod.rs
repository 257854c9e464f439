//! Refunds and their reversals: what was decided, what was sent, what came of it.

mod adopt;
mod confirm;
mod left;
mod list;
mod others;
mod parts;
mod record;
mod resolve;
mod reversals;
mod reverse;
mod send;
mod transfers;

pub use adopt::{AdoptedRefund, AdoptionResult, FailedLater, adopt, failed_later};
pub use confirm::{
    NotConfirmed, ToConfirm, confirm_sent, confirmed, not_confirmed, still_asked, to_confirm,
};
pub use left::{LeftReversal, left_reversals, never_reversed};
pub use list::{ListedRefund, ListedReversal, RefundFilter, list};
pub use others::{ByOthers, OldRefund, OtherRefund, by_others, keep_others, known_others, old};
pub use parts::{Parts, WithoutParts, set_parts, without_parts};
pub use record::{KnownRefund, NewDecision, Waiting, known, record, waiting};
pub use resolve::{RefundResolution, ResolvableRefund, is_known, resolvable, resolve};
pub use reversals::{
    MadeReversal, PendingReversal, RefusedReversal, cut, known_reversals, mark_reversals_sent,
    pending_reversals, reversal_failed, reversal_made,
};
pub use reverse::{NewReversalRow, ReversalRow, ReverseDecision, ToReverse, decided, to_reverse};
pub use send::{MadeRefund, PendingRefund, RefusedRefund, made, mark_sent, pending, refused};
pub use transfers::{OrderTransfer, order_transfers};

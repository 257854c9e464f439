//! Payouts: what was decided, what was sent, what came of it.

mod adopt;
mod follow;
mod list;
mod record;
mod resolve;
mod send;
mod waiting;

pub use adopt::{AdoptedPayout, Adoption, CameBack, adopt};
pub use follow::{Followed, SeenPayout, ended, followed, seen, unread};
pub use list::{ListedPayout, PayoutFilter, list};
pub use record::{
    KnownPayout, NewPayoutRow, TO_BE_PAID, due, flag, known, record, reopen_included, shops_are_due,
};
pub use resolve::{ABANDONED, PayoutResolution, ResolvablePayout, is_taken, resolvable, resolve};
pub use send::{MadePayout, PendingPayout, RefusedPayout, made, mark_sent, pend, pending, refused};
pub use waiting::{
    Obstacles, OpenMovement, Ready, Wanted, held, invoice_is_settled, moved_are_due, obstacles,
    ready,
};

//! Which Stripe account a shop has, and what Stripe says of it.

mod find;
mod list;
mod observe;

pub use find::{count, ids_of, of_shops, open, shops_of, unseen};
pub use list::{ListedAccount, list};
pub use observe::{Changed, cannot_pay_out, cannot_receive, disconnected, observe, put};

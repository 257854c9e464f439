//! Customers' payments.

mod list;
mod observe;

pub use list::{ListedPayment, list};
pub use observe::{Observed, baskets_to_capture, find, observe};

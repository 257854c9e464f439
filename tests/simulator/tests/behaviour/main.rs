//! What the fakes do, each rule by itself, seen over the wire.

mod client;
mod faults;
mod idempotency;
mod kills;
mod mirakl_access;
mod orders;
mod paging;
mod payments;
mod program;
mod stripe_access;
mod stripe_lists;
mod transfer_rules;
mod transfers;
mod wire;

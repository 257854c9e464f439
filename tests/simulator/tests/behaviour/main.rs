//! What the fakes do, each rule by itself, seen over the wire.

mod account_keys;
mod account_requests;
mod client;
mod faults;
mod idempotency;
mod kills;
mod links;
mod mirakl_access;
mod orders;
mod paging;
mod payments;
mod program;
mod receiver;
mod sellers;
mod shop_batches;
mod shop_lists;
mod shop_updates;
mod shops;
mod stripe_access;
mod stripe_lists;
mod transfer_rules;
mod transfers;
mod wire;

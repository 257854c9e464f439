//! Mirakl's shops: as last seen, and what is to be written to them.

mod seen;
mod write;

pub use seen::{KnownShop, ReadBy, SeenShop, known, read_by, seen, unread, unread_due};
pub use write::{
    Part, RefusedWrite, ShopLink, Writable, WritableQuery, Written, agreed, all_told, link_of,
    refused, told_until, writable, written,
};

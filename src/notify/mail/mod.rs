//! Mails to the people who run this: what failed, and that the operator's server is not there.

mod csv;
mod digest;
mod endpoint_down;
mod lines;
mod mailer;
pub mod notes;
mod page;
mod sample;
mod smtp;
pub mod view;

pub use digest::{Digest, digest};
pub use endpoint_down::tell as tell_endpoint_down;
pub use mailer::Mailer;
pub use page::Origin;
pub use sample::sample;

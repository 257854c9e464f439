//! What drives the program under observation from outside: its processes and its databases.

mod databases;
mod program;
mod psql;

pub use databases::{Database, Server};
pub use program::{Finished, Program};
pub use psql::Psql;

/// A message for whoever started the program is all that an error has to be here.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

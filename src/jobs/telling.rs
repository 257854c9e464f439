//! Telling Mirakl of many things in one call: what became of each, also where the call was refused as a
//! whole or its answer was lost.

use anyhow::{Context as _, anyhow};

use super::Result;
use crate::mirakl::MiraklError;

/// What became of one thing that Mirakl was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Taken.
    Done,
    /// Not taken, and why.
    Refused(String),
    /// It cannot be told now.
    Unknown(String),
}

/// How one thing is told, and found out afterwards.
pub(super) trait Tell<T> {
    /// What the operator reads when Mirakl refuses the credentials.
    const TELLING: &'static str;

    /// Tells of a batch in one call.
    async fn send(&self, batch: &[T]) -> Result<(), MiraklError>;

    /// For each of them whether Mirakl shows it as taken.
    async fn shown(&self, batch: &[T]) -> Result<Vec<bool>, MiraklError>;
}

/// Tells of a batch, and finds out what became of each.
///
/// A refused call says nothing about single ones, and whether the others were taken is not certain:
/// what Mirakl shows counts, and the rest is told one by one.
pub(super) async fn tell<T, H: Tell<T>>(how: &H, batch: &[T]) -> Result<Vec<End>> {
    match attempt(how, batch).await? {
        Attempt::Taken => return Ok(batch.iter().map(|_| End::Done).collect()),
        Attempt::Refused(why) if batch.len() == 1 => return read(how, batch, &why, true).await,
        Attempt::Refused(_) => {}
        Attempt::Lost(cause) => return read(how, batch, &cause, false).await,
    }
    let mut ends = read(how, batch, "", false).await?;
    for (one, end) in batch.iter().zip(&mut ends) {
        if *end == End::Done {
            continue;
        }
        let one = std::slice::from_ref(one);
        let told = match attempt(how, one).await? {
            Attempt::Taken => vec![End::Done],
            Attempt::Refused(why) => read(how, one, &why, true).await?,
            Attempt::Lost(cause) => read(how, one, &cause, false).await?,
        };
        if let Some(told) = told.into_iter().next() {
            *end = told;
        }
    }
    Ok(ends)
}

enum Attempt {
    Taken,
    Refused(String),
    Lost(String),
}

async fn attempt<T, H: Tell<T>>(how: &H, batch: &[T]) -> Result<Attempt> {
    match how.send(batch).await {
        Ok(()) => Ok(Attempt::Taken),
        Err(error @ MiraklError::Unauthorized(_)) => Err(anyhow!(error).context(H::TELLING).into()),
        Err(MiraklError::Status {
            status: 400 | 413 | 422,
            message,
            ..
        }) => Ok(Attempt::Refused(message)),
        Err(error) => Ok(Attempt::Lost(error.to_string())),
    }
}

/// Settles by what Mirakl shows now. What it does not show was refused, if Mirakl said so.
async fn read<T, H: Tell<T>>(how: &H, batch: &[T], cause: &str, refused: bool) -> Result<Vec<End>> {
    match how.shown(batch).await {
        Ok(shown) => {
            let ends = shown.into_iter().map(|done| match (done, refused) {
                (true, _) => End::Done,
                (false, true) => End::Refused(cause.to_owned()),
                (false, false) => End::Unknown(cause.to_owned()),
            });
            Ok(ends.collect())
        }
        Err(error @ MiraklError::Unauthorized(_)) => Err(error).context(H::TELLING)?,
        Err(error) => Ok(batch
            .iter()
            .map(|_| End::Unknown(error.to_string()))
            .collect()),
    }
}

//! Telling Mirakl of many things in one call: what became of each, also where the call was refused as a
//! whole or its answer was lost.

use anyhow::{Context as _, anyhow};

use super::Result;
use crate::mirakl::MiraklError;

/// After so many single calls in a row without a word of Mirakl's about them, the rest is left to a
/// later run.
const MOST_LOST: usize = 3;

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

/// How things are told, and found out afterwards.
pub(super) trait Tell<T> {
    /// What the operator reads when Mirakl refuses the credentials.
    const TELLING: &'static str;

    /// Tells of a batch in one call: what Mirakl says of each. One that it says nothing of is unknown.
    async fn send(&self, batch: &[T]) -> Result<Vec<End>, MiraklError>;

    /// For each of them whether Mirakl shows it as taken.
    async fn shown(&self, batch: &[T]) -> Result<Vec<bool>, MiraklError>;
}

/// Tells of a batch, and finds out what became of each.
///
/// A refused call says nothing about single ones, and whether the others were taken is not certain:
/// what Mirakl shows counts, and the rest is told one by one, so that one holds up no other.
pub(super) async fn tell<T, H: Tell<T>>(how: &H, batch: &[T]) -> Result<Vec<End>> {
    let mut ends = attempt(how, batch).await?;
    if batch.len() == 1 || !ends.spoilt {
        return Ok(ends.each);
    }
    let mut lost = 0;
    for (one, end) in batch.iter().zip(&mut ends.each) {
        if *end == End::Done || lost == MOST_LOST {
            continue;
        }
        let told = attempt(how, std::slice::from_ref(one)).await?;
        lost = if told.lost { lost + 1 } else { 0 };
        if let Some(told) = told.each.into_iter().next() {
            *end = told;
        }
    }
    Ok(ends.each)
}

struct Ends {
    each: Vec<End>,
    /// Mirakl answered that it does not work on the call: one of the batch may be why.
    spoilt: bool,
    /// Mirakl said nothing about what it was told.
    lost: bool,
}

/// One call, settled by what Mirakl shows where its answer does not tell.
async fn attempt<T, H: Tell<T>>(how: &H, batch: &[T]) -> Result<Ends> {
    let mut lost = false;
    let (said, refused, spoilt) = match how.send(batch).await {
        Ok(ends) if ends.iter().all(|end| *end == End::Done) => {
            return Ok(Ends {
                each: ends,
                spoilt: false,
                lost: false,
            });
        }
        Ok(ends) => (Some(ends), None, false),
        Err(error @ MiraklError::Unauthorized(_)) => {
            return Err(anyhow!(error).context(H::TELLING).into());
        }
        Err(MiraklError::Status {
            status: 400 | 413 | 422,
            message,
            ..
        }) => (None, Some(message), true),
        Err(error) => {
            lost = true;
            let answered = matches!(error, MiraklError::Status { .. });
            (Some(unknown(batch, &error.to_string())), None, answered)
        }
    };
    let shown = match how.shown(batch).await {
        Ok(shown) => shown,
        Err(error @ MiraklError::Unauthorized(_)) => Err(error).context(H::TELLING)?,
        Err(error) => {
            return Ok(Ends {
                each: unknown(batch, &error.to_string()),
                spoilt: false,
                lost: true,
            });
        }
    };
    let said = said.into_iter().flatten().map(Some);
    let said = said.chain(std::iter::repeat(None));
    let each = shown.into_iter().zip(said).map(|(shown, said)| match said {
        _ if shown => End::Done,
        Some(said) => said,
        None => End::Refused(refused.clone().unwrap_or_default()),
    });
    Ok(Ends {
        each: each.collect(),
        spoilt,
        lost,
    })
}

fn unknown<T>(batch: &[T], cause: &str) -> Vec<End> {
    let end = |_| End::Unknown(cause.to_owned());
    batch.iter().map(end).collect()
}

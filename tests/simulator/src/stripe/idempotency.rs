//! Stored answers by idempotency key.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::errors::Refusal;
use crate::api::Answer;

const LONGEST_KEY: usize = 255;
const LIFE: TimeDelta = TimeDelta::hours(24);

/// The keys of one mode, each in the scope of the account acted for.
#[derive(Debug, Default)]
pub(super) struct Keys {
    records: HashMap<Scope, Record>,
}

/// The account acted for, and the key.
pub(super) type Scope = (Option<String>, String);

#[derive(Debug)]
struct Record {
    fingerprint: String,
    first_used: DateTime<Utc>,
    /// The id of the first request, and its answer once there is one.
    request: String,
    answer: Option<Answer>,
}

impl Keys {
    /// Reserves a key. `Ok(Some(…))` is the stored answer to replay.
    pub(super) fn begin(
        &mut self,
        scope: &Scope,
        fingerprint: &str,
        request: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Answer>, Refusal> {
        let key = &scope.1;
        if key.chars().count() > LONGEST_KEY {
            return Err(Refusal::new(format!(
                "Idempotency-Key must be at most {LONGEST_KEY} characters."
            )));
        }
        let pruned = |record: &Record| record.answer.is_some() && now - record.first_used >= LIFE;
        if self.records.get(scope).is_some_and(pruned) {
            self.records.remove(scope);
        }
        let Some(record) = self.records.get(scope) else {
            let record = Record {
                fingerprint: fingerprint.to_owned(),
                first_used: now,
                request: request.to_owned(),
                answer: None,
            };
            self.records.insert(scope.clone(), record);
            return Ok(None);
        };
        if record.fingerprint != fingerprint {
            let message = format!(
                "Keys for idempotent requests can only be used with the endpoint and parameters \
                 they were first used with. The key was '{key}'."
            );
            return Err(Refusal::new(message).kind("idempotency_error"));
        }
        let Some(answer) = &record.answer else {
            return Err(Refusal::key_in_use());
        };
        let mut answer = answer
            .clone()
            .with("Idempotent-Replayed", "true")
            .with("Original-Request", &record.request);
        answer.replayed = true;
        Ok(Some(answer))
    }

    /// Keeps the answer of a request that was carried out.
    pub(super) fn finish(&mut self, scope: &Scope, answer: &Answer) {
        if let Some(record) = self.records.get_mut(scope) {
            record.answer = Some(answer.clone());
        }
    }

    /// Lets a key go whose request was not carried out.
    pub(super) fn release(&mut self, scope: &Scope) {
        self.records.remove(scope);
    }

    /// Forgets all finished keys, as Stripe may after a day.
    pub(super) fn forget(&mut self) {
        self.records.retain(|_, record| record.answer.is_none());
    }
}

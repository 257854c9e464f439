//! Metadata that is written over what there is, or given by a test.

use std::collections::BTreeMap;

use super::errors::Refusal;
use super::form::Form;

/// Values to set and keys to take out.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    set: BTreeMap<String, String>,
    unset: Vec<String>,
    /// Whether all that was there goes.
    anew: bool,
}

impl Metadata {
    /// Reads what is asked for; an empty value takes its key out, an empty whole all of them.
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        let empty = form
            .below("metadata")
            .filter(|(_, value)| value.is_empty())
            .map(|(key, _)| key.to_owned());
        Ok(Self {
            set: form.metadata()?,
            unset: empty.collect(),
            anew: form.is_emptied("metadata"),
        })
    }

    pub(super) fn write(&self, metadata: &mut BTreeMap<String, String>) {
        if self.anew {
            metadata.clear();
        }
        metadata.retain(|key, _| !self.unset.contains(key));
        let set = self.set.iter();
        metadata.extend(set.map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// Metadata of what somebody made elsewhere.
pub(super) fn owned(metadata: &[(&str, &str)]) -> BTreeMap<String, String> {
    let metadata = metadata.iter();
    let metadata = metadata.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    metadata.collect()
}

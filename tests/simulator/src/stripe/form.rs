//! Form encoded parameters, nested by brackets, and their validation.

use std::collections::BTreeMap;

use super::errors::Refusal;

const METADATA_KEYS: usize = 50;
const METADATA_KEY: usize = 40;
const METADATA_VALUE: usize = 500;

/// Parameters in the order given: the names of each bracket, then the value.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<(Vec<String>, String)>,
}

impl Form {
    pub(super) fn read(raw: &str) -> Result<Self, Refusal> {
        let pairs = form_urlencoded::parse(raw.as_bytes());
        let fields = pairs.map(|(name, value)| Ok((split(&name)?, value.into_owned())));
        Ok(Self {
            fields: fields.collect::<Result<_, Refusal>>()?,
        })
    }

    /// The same text for the same parameters in any order.
    pub(super) fn fingerprint(&self) -> String {
        let mut fields: Vec<String> = self.fields.iter().map(|f| format!("{f:?}")).collect();
        fields.sort_unstable();
        fields.concat()
    }

    /// Refuses parameters that the endpoint does not have.
    pub(super) fn allow(&self, known: &[&str]) -> Result<(), Refusal> {
        for (path, _) in &self.fields {
            if !known.contains(&path[0].as_str()) {
                return Err(unknown(&path[0]));
            }
        }
        Ok(())
    }

    /// Refuses parameters that are not among these, nested ones included. `metadata` and `expand`
    /// may hold anything.
    pub(super) fn allow_nested(&self, known: &[&str]) -> Result<(), Refusal> {
        let known = known.iter().map(|name| split(name));
        let known = known.collect::<Result<Vec<_>, _>>()?;
        for (path, _) in &self.fields {
            if matches!(path[0].as_str(), "metadata" | "expand") || known.contains(path) {
                continue;
            }
            if known.iter().any(|known| known.starts_with(path)) {
                let name = join(path);
                return Err(Refusal::new("Invalid object").param(name));
            }
            return Err(match known.iter().any(|known| known[0] == path[0]) {
                true => unknown(&join(path)),
                false => unknown(&path[0]),
            });
        }
        Ok(())
    }

    /// A plain value, if given; an empty one is refused. The name may have brackets.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let wanted = split(name)?;
        let mut found = None;
        for (path, value) in &self.fields {
            if !path.starts_with(&wanted) {
                continue;
            }
            if path.len() > wanted.len() {
                return Err(Refusal::new(format!("Invalid string for {name}")).param(name));
            }
            if value.is_empty() {
                let message = format!("You passed an empty string for '{name}'.");
                return Err(Refusal::new(message)
                    .code("parameter_invalid_empty")
                    .param(name));
            }
            found = Some(value.as_str());
        }
        Ok(found)
    }

    /// A plain value that must be given.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number within limits, if given.
    pub(super) fn integer(
        &self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let number = whole(text, name)?;
        if !(least..=most).contains(&number) {
            let message = format!("Invalid value for {name}: must be between {least} and {most}.");
            return Err(Refusal::new(message)
                .code("parameter_invalid_integer")
                .param(name));
        }
        Ok(Some(number))
    }

    /// A whole number that must be given.
    pub(super) fn required_integer(
        &self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Result<i64, Refusal> {
        self.integer(name, least, most)?
            .ok_or_else(|| missing(name))
    }

    /// One of these values, if given.
    pub(super) fn one_of(&self, name: &str, values: &[&str]) -> Result<Option<&str>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if values.contains(&text) {
            return Ok(Some(text));
        }
        let (last, first) = values.split_last().unwrap_or((&"", &[]));
        let message = format!(
            "Invalid {name}: must be one of {}, or {last}",
            first.join(", ")
        );
        Err(Refusal::new(message).param(name))
    }

    /// `true` or `false`, if given.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let value = text.parse();
        let wrong = |_| Refusal::new(format!("Invalid boolean: {text}")).param(name);
        value.map(Some).map_err(wrong)
    }

    /// The fields one level below a name: `created[gte]` as `gte`.
    pub(super) fn below(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.fields.iter();
        fields.filter_map(move |(path, value)| {
            let [first, second] = path.as_slice() else {
                return None;
            };
            (first == name).then_some((second.as_str(), value.as_str()))
        })
    }

    /// Whether an empty value is given for a name as a whole.
    pub(super) fn is_emptied(&self, name: &str) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|(path, value)| {
            matches!(path.as_slice(), [one] if one == name) && value.is_empty()
        })
    }

    /// Checked metadata; an empty value leaves its key out.
    pub(super) fn metadata(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let wrong = |message: String, key: &str| {
            Err(Refusal::new(message).param(format!("metadata[{key}]")))
        };
        let mut metadata = BTreeMap::new();
        for (path, value) in self.fields.iter().filter(|(path, _)| path[0] == "metadata") {
            match path.as_slice() {
                [_] if value.is_empty() => {}
                [_, key] if key.chars().count() > METADATA_KEY => {
                    return wrong(
                        format!("Metadata keys can have up to {METADATA_KEY} characters."),
                        key,
                    );
                }
                [_, key] if value.chars().count() > METADATA_VALUE => {
                    return wrong(
                        format!("Metadata values can have up to {METADATA_VALUE} characters."),
                        key,
                    );
                }
                [_, key] if !key.is_empty() => {
                    if !value.is_empty() {
                        metadata.insert(key.clone(), value.clone());
                    }
                }
                _ => return Err(Refusal::new("Invalid hash").param("metadata")),
            }
        }
        if metadata.len() > METADATA_KEYS {
            let message = format!("You can only specify up to {METADATA_KEYS} metadata keys.");
            return Err(Refusal::new(message).param("metadata"));
        }
        Ok(metadata)
    }

    /// The `expand[]` paths, each of which the endpoint must know.
    pub(super) fn expand(&self, known: &[&str]) -> Result<Vec<String>, Refusal> {
        let is_list = |path: &[String]| path.len() == 2 || path[0] != "expand";
        if !self.fields.iter().all(|(path, _)| is_list(path)) {
            return Err(Refusal::new("Invalid array").param("expand"));
        }
        let mut paths = Vec::new();
        for (_, path) in self.below("expand") {
            if !known.contains(&path) {
                let message = format!("This property cannot be expanded ({path}).");
                return Err(Refusal::new(message).param("expand"));
            }
            paths.push(path.to_owned());
        }
        Ok(paths)
    }
}

/// A whole number, or Stripe's complaint.
pub(super) fn whole(text: &str, name: &str) -> Result<i64, Refusal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = if plain { text.parse().ok() } else { None };
    number.ok_or_else(|| {
        Refusal::new(format!("Invalid integer: {text}"))
            .code("parameter_invalid_integer")
            .param(name)
    })
}

pub(super) fn unknown(name: &str) -> Refusal {
    Refusal::new(format!("Received unknown parameter: {name}"))
        .code("parameter_unknown")
        .param(name)
}

fn missing(name: &str) -> Refusal {
    Refusal::new(format!("Missing required param: {name}."))
        .code("parameter_missing")
        .param(name)
}

fn join(path: &[String]) -> String {
    let (first, rest) = path.split_first().expect("a name has a first part");
    let rest = rest.iter().map(|part| format!("[{part}]"));
    format!("{first}{}", rest.collect::<String>())
}

/// `a[b][c]` as `a`, `b`, `c`; `a[]` has an empty second name.
fn split(name: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::new(format!("Invalid parameter name: {name}"));
    let Some(open) = name.find('[') else {
        return Ok(vec![name.to_owned()]);
    };
    let (first, mut rest) = name.split_at(open);
    if first.is_empty() {
        return Err(wrong());
    }
    let mut names = vec![first.to_owned()];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or_else(wrong)?;
        let (one, after) = inner.split_once(']').ok_or_else(wrong)?;
        names.push(one.to_owned());
        rest = after;
    }
    Ok(names)
}

//! A mutator that knows JSON: half of all inputs are changed byte by byte, as libFuzzer does; in the others a
//! body stays JSON, and values in it are replaced, left out, doubled or swapped.

use serde_json::{Number, Value};

/// Separates the answers of an input.
const NEXT_ANSWER: u8 = 0x1e;

/// Numbers at the edges of what an amount, an id or a date can be.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "0.1",
    "-0.01",
    "12.34",
    "12.345",
    "1e2",
    "1.5E1",
    "1e-8",
    "1e-9",
    "1e400",
    "1E-400",
    "0e99",
    "0.00000001",
    "0.000000001",
    "999999999999999.99999999",
    "1000000000000000",
    "1000000000000001",
    "1.00000001",
    "1.0000000000000000000000000000",
    "1.00000000000000000000000000001",
    "1.00000000000000000000000000001e0",
    "79228162514264337593543950335",
    "79228162514264337593543950336",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "253402300799",
    "-62135596801",
    "8210266876799",
];

/// Texts at the edges of what an id, a date or a word can be.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "a\0b",
    "\n",
    "é",
    "x",
    "true",
    "WAITING",
    "OK",
    "EUR",
    "JPY",
    "KWD",
    "ISK",
    "IQD",
    "eur",
    "xxx",
    "C1-A",
    "2000",
    "-5",
    "9223372036854775808",
    "1e5",
    "12.34",
    "ten",
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "-262143-01-01T00:00:00Z",
    "+262142-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "2026-05-04T09:12:60Z",
    "2026-05-04T09:12:30+23:59",
    "https://connect.stripe.com/setup/e/acct_1/x",
    "see https://connect.stripe.com/x\u{85}now",
    "mirakl-stripe",
    "MiraklConnector",
    "m.example",
    "PRODUCT_ORDER",
    "PRODUCT_REFUND",
    "INVOICE",
    "succeeded",
    "canceled",
    "failed",
    "requires_capture",
    "active",
    "manual",
    "REFUSED",
    "CANCELED",
    "TAX_EXCLUDED",
];

/// Changes an input in place; returns its new length.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed) | 1 << 40);
    if random.below(2) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, most);
    }
    match changed(&data[..size], &mut random).filter(|changed| changed.len() <= most) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, most),
    }
}

/// The input with a change in one of its bodies; `None` when that one is no JSON.
fn changed(input: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = input
        .split(|byte| *byte == NEXT_ANSWER)
        .map(<[u8]>::to_vec)
        .collect();
    let index = random.below(messages.len());
    let message = &mut messages[index];
    let start = message
        .iter()
        .position(|byte| matches!(byte, b'{' | b'['))?;
    let mut body: Value = serde_json::from_slice(&message[start..]).ok()?;
    for _ in 0..=random.below(3) {
        change(&mut body, random);
    }
    message.truncate(start);
    message.extend(serde_json::to_vec(&body).ok()?);
    Some(messages.join(&NEXT_ANSWER))
}

/// Goes down to a value by chance, and changes it.
fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(list) if !list.is_empty() => {
            let index = random.below(list.len());
            match random.below(10) {
                0 => drop(list.remove(index)),
                1 if list.len() < 20 => list.push(list[index].clone()),
                2 => list.swap(0, index),
                3 => list[index] = any(random),
                _ => change(&mut list[index], random),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let index = random.below(fields.len());
            let other = random.below(fields.len());
            let name = |index| fields.keys().nth(index).cloned().unwrap_or_default();
            let (name, other) = (name(index), name(other));
            match random.below(12) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(name, any(random))),
                2 => {
                    let copied = fields.get(&other).cloned().unwrap_or_default();
                    fields.insert(name, copied);
                }
                _ => {
                    if let Some(value) = fields.get_mut(&name) {
                        change(value, random);
                    }
                }
            }
        }
        Value::Number(number) if random.below(2) == 0 => {
            let digits = format!(
                "{number}{}",
                ["0", "5", ".5", "e1", "00000001", "e-3"][random.below(6)]
            );
            *value = digits.parse().map_or(Value::Null, Value::Number);
        }
        other => *other = any(random),
    }
}

fn any(random: &mut Random) -> Value {
    let one = |list: &[&'static str], random: &mut Random| list[random.below(list.len())];
    match random.below(12) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => Value::Array(Vec::new()),
        3 => Value::Object(serde_json::Map::new()),
        4..=6 => Value::from(one(TEXTS, random)),
        _ => one(NUMBERS, random)
            .parse::<Number>()
            .map_or(Value::Null, Value::Number),
    }
}

/// Xorshift: libFuzzer's seed decides everything.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap_or(0)
    }
}

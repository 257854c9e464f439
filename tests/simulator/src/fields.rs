//! Fields of a JSON value by name or JSON pointer.

use serde_json::{Map, Value};

/// What a test wants otherwise in an object, once all else is in it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(String, Value),
    Without(String),
}

impl Change {
    pub(crate) fn apply(&self, target: &mut Value) {
        match self {
            Self::Set(field, value) => assign(target, field, value.clone()),
            Self::Without(field) => remove(target, field),
        }
    }
}

/// Sets a field by name or JSON pointer, making the objects on the way.
pub(crate) fn assign(target: &mut Value, field: &str, value: Value) {
    *reach(target, field) = value;
}

fn reach<'a>(target: &'a mut Value, field: &str) -> &'a mut Value {
    let Some(path) = field.strip_prefix('/') else {
        return step(target, field);
    };
    path.split('/')
        .fold(target, |holder, name| step(holder, &unescape(name)))
}

fn step<'a>(holder: &'a mut Value, name: &str) -> &'a mut Value {
    if let (true, Ok(index)) = (holder.is_array(), name.parse::<usize>()) {
        return holder
            .get_mut(index)
            .unwrap_or_else(|| panic!("there is no element {index} to set"));
    }
    if !holder.is_object() {
        *holder = Value::Object(Map::new());
    }
    &mut holder[name]
}

/// Leaves a field out.
fn remove(target: &mut Value, field: &str) {
    let (holder, name) = if field.starts_with('/') {
        let (parent, name) = field.rsplit_once('/').unwrap_or_default();
        (target.pointer_mut(parent), unescape(name))
    } else {
        (Some(target), field.to_owned())
    };
    if let Some(fields) = holder.and_then(Value::as_object_mut) {
        fields.remove(&name);
    }
}

fn unescape(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

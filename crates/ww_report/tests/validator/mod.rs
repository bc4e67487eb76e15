//! The part of JSON Schema 2020-12 that the published schema uses. A keyword that is not known here
//! is a complaint, so that nothing is checked in name only.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a schema that is no schema fails the test"
)]

use serde_json::Value;

/// What is wrong with a document, each with its place.
pub(crate) fn complaints(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, document, "$", &mut found);
    found
}

/// Fields of a valid document that no schema on their way declares.
pub(crate) fn undeclared(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    declare(schema, schema, document, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for (keyword, argument) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$ref" => check(root, resolve(root, argument), value, at, found),
            "const" if value != argument => found.push(format!("{at}: not {argument}")),
            "enum" if !list(argument).contains(value) => {
                found.push(format!("{at}: {value} is none of {argument}"));
            }
            "$schema" | "$defs" | "title" | "description" | "const" | "enum" => {}
            "type" => {
                if !has_type(value, argument.as_str().unwrap()) {
                    found.push(format!("{at}: {value} is no {argument}"));
                }
            }
            "minimum" => {
                if value
                    .as_f64()
                    .is_some_and(|n| n < argument.as_f64().unwrap())
                {
                    found.push(format!("{at}: {value} is below {argument}"));
                }
            }
            "minLength" => {
                let length = value.as_str().map(|text| text.chars().count() as u64);
                if length.is_some_and(|length| length < argument.as_u64().unwrap()) {
                    found.push(format!("{at}: too short"));
                }
            }
            "pattern" => {
                assert_eq!(
                    argument, "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
                    "a pattern not known here"
                );
                if value.as_str().is_some_and(|name| !is_kebab(name)) {
                    found.push(format!("{at}: {value} is no rule name"));
                }
            }
            "required" => {
                for name in list(argument).iter().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        found.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, part) in argument.as_object().unwrap() {
                    if let Some(field) = value.get(name) {
                        check(root, part, field, &format!("{at}.{name}"), found);
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, argument, item, &format!("{at}[{index}]"), found);
                }
            }
            "oneOf" | "anyOf" => {
                let fitting = list(argument)
                    .iter()
                    .filter(|choice| fits(root, choice, value))
                    .count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    found.push(format!("{at}: fits {fitting} choices"));
                }
            }
            _ => found.push(format!(
                "{at}: the keyword {keyword} is not known to this check"
            )),
        }
    }
}

fn declare(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref") {
        return declare(root, resolve(root, reference), value, at, found);
    }
    for choices in ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(*key)) {
        if let Some(choice) = list(choices)
            .iter()
            .find(|choice| fits(root, choice, value))
        {
            return declare(root, choice, value, at, found);
        }
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        match schema.get("properties").and_then(|all| all.get(name)) {
            Some(part) => declare(root, part, field, &format!("{at}.{name}"), found),
            None => found.push(format!("{at}.{name}")),
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (index, item) in values.iter().enumerate() {
            declare(root, items, item, &format!("{at}[{index}]"), found);
        }
    }
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut found = Vec::new();
    check(root, schema, value, "", &mut found);
    found.is_empty()
}

fn resolve<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().unwrap().trim_start_matches('#');
    root.pointer(pointer).expect("a reference leads somewhere")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        _ => panic!("the type {name} is not known to this check"),
    }
}

fn is_kebab(name: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
    };
    name.starts_with(|char: char| char.is_ascii_lowercase()) && name.split('-').all(good)
}

//! Texts of forms as the types that their fields have.

use serde_json::{Map, Value};

use super::definition::{Field, Kind, Shape};

impl Shape {
    /// Turns the texts of a form into numbers, booleans and lists where the fields say so. What does
    /// not fit stays a text, for validation to find.
    pub(crate) fn infer(&self, record: &mut Map<String, Value>) {
        for (name, value) in record {
            let other_spelling = || self.shorthand(name).map(|shorthand| &shorthand.field);
            if let Some(field) = self.field(name).or_else(other_spelling) {
                field.infer(value);
            }
        }
    }
}

impl Field {
    fn infer(&self, value: &mut Value) {
        if value == "" {
            *value = Value::Null;
            return;
        }
        match (self.kind, &mut *value) {
            (Kind::Boolean, Value::String(text)) => match text.as_str() {
                "true" => *value = true.into(),
                "false" => *value = false.into(),
                _ => {}
            },
            (Kind::Number | Kind::Integer, Value::String(text)) => {
                if let Ok(number) = text.parse() {
                    *value = Value::Number(number);
                }
            }
            (Kind::Array | Kind::Set, Value::String(_)) => {
                *value = Value::Array(vec![value.take()]);
                self.infer(value);
            }
            (Kind::Array | Kind::Set, Value::Array(elements)) => {
                infer_all(self.elements.as_deref(), elements.iter_mut());
            }
            (Kind::Map, Value::Object(entries)) => {
                infer_all(self.values.as_deref(), entries.values_mut());
            }
            (Kind::Record, Value::Object(record)) => {
                if let Some(shape) = &self.record {
                    shape.infer(record);
                }
            }
            _ => {}
        }
    }
}

fn infer_all<'v>(field: Option<&Field>, values: impl Iterator<Item = &'v mut Value>) {
    if let Some(field) = field {
        values.for_each(|value| field.infer(value));
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::{Catalogue, RouterFlavor};
    use serde_json::json;

    #[test]
    fn texts_become_what_their_fields_are() {
        let catalogue = Catalogue::of(RouterFlavor::default());
        let routes = catalogue.entity("routes").expect("it exists");
        let mut form = json!({
            "paths": "/a", "strip_path": "false", "regex_priority": "7", "name": "",
            "headers": {"x-a": "1"}, "preserve_host": "maybe",
        });
        routes.shape.infer(form.as_object_mut().expect("it is an object"));
        assert_eq!(
            form,
            json!({
                "paths": ["/a"], "strip_path": false, "regex_priority": 7, "name": null,
                "headers": {"x-a": ["1"]}, "preserve_host": "maybe",
            })
        );
    }
}

//! What is wrong with a value, as the tree that Kong answers under `fields`.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// One rule that a value breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind of rule.
    pub rule: Rule,
    /// Kong's words for it.
    pub text: Cow<'static, str>,
    /// What to tell people instead, where Kong's words alone would puzzle them.
    pub said: Option<String>,
    /// The other fields that it is about, as ways through records: `config.policy`.
    pub about: Vec<Box<str>>,
}

/// What kind of rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The field does not exist.
    Unknown,
    /// The field must be there.
    Required,
    /// The value has another type.
    Type,
    /// The number or length is out of bounds.
    Range,
    /// The value is none of a few allowed ones.
    OneOf,
    /// The value may not be set here.
    Null,
    /// The text or value breaks a rule of its field.
    Value,
    /// Fields do not go together.
    Entity,
    /// Nothing new: it says of the entity what is said of one of its fields too.
    Consequence,
    /// The plugin does not exist or cannot be used.
    Plugin,
    /// Another entity has the same key.
    Unique,
    /// The entity referred to does not exist.
    Reference,
}

impl Violation {
    /// A violation of `rule`, in Kong's words.
    pub fn new(rule: Rule, text: impl Into<Cow<'static, str>>) -> Self {
        Self { rule, text: text.into(), said: None, about: Vec::new() }
    }

    pub(crate) fn value(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Rule::Value, text)
    }
}

/// Where a problem is, seen from the value around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A field of a record, a key of a map.
    Name(Box<str>),
    /// An element, from 0.
    Index(usize),
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Key::Name(name.into())
    }
}

impl From<usize> for Key {
    fn from(index: usize) -> Self {
        Key::Index(index)
    }
}

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The value as a whole.
    Here(Violation),
    /// Something within it.
    Within(Problems),
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Self {
        Problem::Here(violation)
    }
}

/// What is wrong within one record, list or map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// Fields that do not go together (`@entity`).
    pub entity: Vec<Violation>,
    /// Problems of single fields or elements, each key once.
    pub at: Vec<(Key, Problem)>,
}

impl Problems {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entity.is_empty() && self.at.is_empty()
    }

    /// Adds the problem of a key that has none yet.
    pub fn push(&mut self, key: impl Into<Key>, problem: impl Into<Problem>) {
        self.at.push((key.into(), problem.into()));
    }

    /// The problem at `key`.
    pub fn get(&self, key: &Key) -> Option<&Problem> {
        self.at.iter().find(|(at, _)| at == key).map(|(_, problem)| problem)
    }

    /// Puts a problem at `key`, in place of one that may be there.
    pub fn set(&mut self, key: impl Into<Key>, problem: impl Into<Problem>) {
        *self.entry(key.into()) = problem.into();
    }

    /// Puts a problem at the end of a way of names.
    pub(crate) fn set_path(&mut self, path: &[Box<str>], violation: Violation) {
        match path {
            [] => {}
            [name] => self.set(&**name, violation),
            [name, rest @ ..] => self.within((&**name).into()).set_path(rest, violation),
        }
    }

    /// The problems within `key`; what was said of it as a whole gives way.
    pub fn within(&mut self, key: Key) -> &mut Problems {
        let problem = self.entry(key);
        if let Problem::Here(_) = problem {
            *problem = Problem::Within(Problems::default());
        }
        match problem {
            Problem::Within(problems) => problems,
            Problem::Here(_) => unreachable!("it was replaced just now"),
        }
    }

    /// Takes over the problems of `other`; where both say something of the same key as a whole,
    /// `other` wins.
    pub(crate) fn merge(&mut self, other: Problems) {
        self.entity.extend(other.entity);
        for (key, problem) in other.at {
            match problem {
                Problem::Here(violation) => self.set(key, violation),
                Problem::Within(problems) => self.within(key).merge(problems),
            }
        }
    }

    /// The problems of one rule only.
    pub(crate) fn only(&self, rule: Rule) -> Problems {
        let at = self.at.iter().filter_map(|(key, problem)| {
            let problem = match problem {
                Problem::Here(violation) if violation.rule == rule => problem.clone(),
                Problem::Here(_) => return None,
                Problem::Within(problems) => {
                    let kept = problems.only(rule);
                    if kept.is_empty() {
                        return None;
                    }
                    Problem::Within(kept)
                }
            };
            Some((key.clone(), problem))
        });
        Problems { entity: Vec::new(), at: at.collect() }
    }

    /// As Kong answers it: texts at the leaves, lists with `null` for elements without problems.
    pub fn to_json(&self) -> Value {
        let only_indexes =
            self.entity.is_empty() && self.at.iter().all(|(key, _)| matches!(key, Key::Index(_)));
        if only_indexes && !self.at.is_empty() { self.to_list() } else { self.to_object() }
    }

    fn to_list(&self) -> Value {
        let mut list = Vec::new();
        for (key, problem) in &self.at {
            if let Key::Index(index) = key {
                if list.len() <= *index {
                    list.resize(index + 1, Value::Null);
                }
                list[*index] = problem.to_json();
            }
        }
        Value::Array(list)
    }

    fn to_object(&self) -> Value {
        let mut object = Map::new();
        if !self.entity.is_empty() {
            let texts = self.entity.iter().map(|violation| Value::from(&*violation.text));
            object.insert("@entity".to_owned(), texts.collect());
        }
        for (key, problem) in &self.at {
            let name = match key {
                Key::Name(name) => name.to_string(),
                // Lua counts from 1.
                Key::Index(index) => (index + 1).to_string(),
            };
            object.insert(name, problem.to_json());
        }
        Value::Object(object)
    }

    fn entry(&mut self, key: Key) -> &mut Problem {
        let index = match self.find(&key) {
            Ok(index) => index,
            Err(index) => {
                self.at.insert(index, (key, Problem::Within(Problems::default())));
                index
            }
        };
        &mut self.at[index].1
    }

    /// Where `key` is, or belongs. Elements are in order, so that a list of many is searched fast.
    fn find(&self, key: &Key) -> Result<usize, usize> {
        let index = |at: &Key| match at {
            Key::Index(index) => Some(*index),
            Key::Name(_) => None,
        };
        let is_list = self.at.first().is_some_and(|(at, _)| index(at).is_some());
        match key {
            Key::Index(_) if is_list => {
                self.at.binary_search_by_key(&index(key), |(at, _)| index(at))
            }
            _ => self.at.iter().position(|(at, _)| at == key).ok_or(self.at.len()),
        }
    }
}

impl Problem {
    /// As Kong answers it.
    pub fn to_json(&self) -> Value {
        match self {
            Problem::Here(violation) => Value::from(&*violation.text),
            Problem::Within(problems) => problems.to_json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn violation(text: &'static str) -> Violation {
        Violation::value(text)
    }

    #[test]
    fn elements_without_problems_are_null() {
        let mut problems = Problems::default();
        problems.set(2, violation("c"));
        problems.set(0, violation("a"));
        assert_eq!(problems.to_json(), json!(["a", null, "c"]));
    }

    #[test]
    fn names_and_indexes_together_make_an_object() {
        let mut problems = Problems::default();
        problems.push(0, violation("a"));
        problems.push("r", violation("b"));
        assert_eq!(problems.to_json(), json!({"1": "a", "r": "b"}));
    }

    #[test]
    fn the_later_problem_of_a_key_wins() {
        let mut problems = Problems::default();
        problems.set("host", violation("a"));
        problems.set("host", violation("b"));
        problems.set_path(&["redis".into(), "host".into()], violation("c"));
        assert_eq!(problems.to_json(), json!({"host": "b", "redis": {"host": "c"}}));
    }

    #[test]
    fn merging_goes_into_the_depth() {
        let mut left = Problems::default();
        left.within("services".into()).within(Key::Index(0)).set("host", violation("a"));
        let mut right = Problems::default();
        right.within("services".into()).within(Key::Index(1)).set("port", violation("b"));
        left.merge(right);
        assert_eq!(left.to_json(), json!({"services": [{"host": "a"}, {"port": "b"}]}));
    }
}

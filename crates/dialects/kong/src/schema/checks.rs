//! Rules across the fields of a record.

use serde_json::{Map, Value};

use super::complete::{is_nonempty, value_at};
use super::custom;
use super::definition::{Check, Field, Kind, Path, Shape};
use super::format::is_vault_reference;
use super::problems::{Problem, Problems, Rule, Violation};
use super::validate::{Foreign, Validation, quoted, required};

type Record = Map<String, Value>;

impl Validation {
    /// Adds what is wrong across the fields of a record to what is wrong with each of them.
    pub(super) fn check_entity(&self, shape: &Shape, record: &Record, problems: &mut Problems) {
        for check in &shape.checks {
            if let Some(said) = self.run(check, shape, record, problems) {
                let rule = match check {
                    Check::Conditional { .. } => Rule::Consequence,
                    _ => Rule::Entity,
                };
                let about = check.fields().map(|path| path.text.clone()).collect();
                let violation = Violation { about, ..Violation::new(rule, said) };
                problems.entity.push(violation);
            }
        }
    }

    /// What is to be said of the record as a whole.
    fn run(
        &self,
        check: &Check,
        shape: &Shape,
        record: &Record,
        problems: &mut Problems,
    ) -> Option<String> {
        if check.fields().any(|path| is_reference(shape, record, path)) {
            return None;
        }
        match check {
            Check::AtLeastOneOf { fields } => (count(record, fields) == 0).then(|| {
                format!("at least one of these fields must be non-empty: {}", names(fields))
            }),
            Check::OnlyOneOf { fields } => (count(record, fields) != 1).then(|| {
                format!("exactly one of these fields must be non-empty: {}", names(fields))
            }),
            Check::Distinct { fields } => has_equal(record, fields)
                .then(|| format!("values of these fields must be distinct: {}", names(fields))),
            Check::MutuallyRequired { fields } => {
                (!any_wrong(fields, problems)).then(|| mutually_required(record, fields)).flatten()
            }
            Check::MutuallyExclusive { fields } => {
                (!any_wrong(fields, problems) && count(record, fields) > 1).then(|| {
                    format!("only one or none of these fields must be set: {}", names(fields))
                })
            }
            Check::Conditional { if_field, if_match, then_field, then_match, then_err } => {
                if !self.holds(if_match, value_at(record, if_field)) {
                    return None;
                }
                let problem = self.broken(then_match, value_at(record, then_field))?;
                if is_redis_host(then_field, &problem)
                    && (self.redis_default || names_nodes(record, then_field))
                {
                    return None;
                }
                let said = then_err.as_ref().map(|said| said.replace("%s", &if_field.text));
                set(problems, then_field, because(problem, if_field, said.as_deref()));
                Some(said.unwrap_or_else(|| {
                    let field = &if_field.text;
                    format!("failed conditional validation given value of field '{field}'")
                }))
            }
            Check::ConditionalAtLeastOneOf {
                if_field,
                if_match,
                then_at_least_one_of,
                then_err,
                else_match,
                else_then_at_least_one_of,
                else_then_err,
            } => {
                let value = value_at(record, if_field)?;
                let (fields, said) = if self.holds(if_match, Some(value)) {
                    (then_at_least_one_of, then_err)
                } else if self.holds(else_match.as_deref()?, Some(value)) {
                    (else_then_at_least_one_of, else_then_err)
                } else {
                    return None;
                };
                (count(record, fields) == 0).then(|| match said {
                    Some(said) => said.replace("%s", &names(fields)),
                    None => {
                        format!("at least one of these fields must be non-empty: {}", names(fields))
                    }
                })
            }
            Check::Custom { rule, fields, run_with_missing_fields, run_with_invalid_fields } => {
                let absent = |path: &&Path| value_at(record, path).is_none();
                let incomplete =
                    !run_with_missing_fields && fields.iter().any(|path| absent(&path));
                let wrong = !run_with_invalid_fields && any_wrong(fields, problems);
                if incomplete || wrong { None } else { custom::check(*rule, record, self) }
            }
        }
    }

    fn holds(&self, rules: &Field, value: Option<&Value>) -> bool {
        self.broken(rules, value).is_none()
    }

    fn broken(&self, rules: &Field, value: Option<&Value>) -> Option<Problem> {
        match value {
            None | Some(Value::Null) if rules.required => Some(required().into()),
            value => self.check(Foreign::Named, rules, value.unwrap_or(&Value::Null)).err(),
        }
    }
}

/// Kong's words if some but not all of the fields are set.
pub(crate) fn mutually_required(record: &Record, fields: &[Path]) -> Option<String> {
    let count = count(record, fields);
    (count != 0 && count != fields.len())
        .then(|| format!("all or none of these fields must be set: {}", names(fields)))
}

impl Check {
    /// The fields that it looks at.
    fn fields(&self) -> impl Iterator<Item = &Path> {
        let (one, two, three): (&[Path], &[Path], [Option<&Path>; 2]) = match self {
            Check::AtLeastOneOf { fields }
            | Check::OnlyOneOf { fields }
            | Check::Distinct { fields }
            | Check::MutuallyRequired { fields }
            | Check::MutuallyExclusive { fields }
            | Check::Custom { fields, .. } => (fields, &[], [None, None]),
            Check::Conditional { if_field, then_field, .. } => {
                (&[], &[], [Some(if_field), Some(then_field)])
            }
            Check::ConditionalAtLeastOneOf {
                if_field,
                then_at_least_one_of,
                else_then_at_least_one_of,
                ..
            } => (then_at_least_one_of, else_then_at_least_one_of, [Some(if_field), None]),
        };
        one.iter().chain(two).chain(three.into_iter().flatten())
    }
}

/// Nobody knows what stands behind a reference to a vault.
fn is_reference(shape: &Shape, record: &Record, path: &Path) -> bool {
    let value = value_at(record, path).and_then(Value::as_str);
    value.is_some_and(is_vault_reference)
        && shape
            .field_at(path)
            .is_some_and(|field| field.kind == Kind::String && field.referenceable)
}

/// A field's problem, with the field on whose value it depends.
fn because(problem: Problem, field: &Path, said: Option<&str>) -> Problem {
    match problem {
        Problem::Here(violation) => Problem::Here(Violation {
            about: vec![field.text.clone()],
            said: said.map(str::to_owned),
            ..violation
        }),
        within => within,
    }
}

fn is_redis_host(path: &Path, problem: &Problem) -> bool {
    let missing = matches!(problem, Problem::Here(violation) if violation.rule == Rule::Required);
    missing && path.steps.ends_with(&["redis".into(), "host".into()])
}

/// Whether a Redis is named by the nodes of its cluster, or by its sentinels.
fn names_nodes(record: &Record, host: &Path) -> bool {
    let (_, redis) = host.steps.split_last().expect("a path has a last step");
    ["cluster_nodes", "sentinel_nodes"].into_iter().any(|field| {
        let steps = redis.iter().cloned().chain([field.into()]).collect();
        is_nonempty(value_at(record, &Path { text: field.into(), steps }))
    })
}

fn count(record: &Record, fields: &[Path]) -> usize {
    fields.iter().filter(|path| is_nonempty(value_at(record, path))).count()
}

fn has_equal(record: &Record, fields: &[Path]) -> bool {
    let values: Vec<&Value> = fields
        .iter()
        .filter_map(|path| value_at(record, path).filter(|value| is_nonempty(Some(value))))
        .collect();
    values.iter().enumerate().any(|(index, value)| values[..index].contains(value))
}

fn any_wrong(fields: &[Path], problems: &Problems) -> bool {
    fields.iter().any(|path| problems.has(&path.text))
}

fn names(fields: &[Path]) -> String {
    quoted(fields.iter().map(|path| &path.text))
}

fn set(problems: &mut Problems, path: &Path, problem: Problem) {
    match problem {
        Problem::Here(violation) => problems.set_path(&path.steps, violation),
        Problem::Within(within) => {
            let mut at = problems;
            for step in &path.steps {
                at = at.within((&**step).into());
            }
            *at = within;
        }
    }
}

//! Typed reading: `TRI01xx`.

crate::codes! {
    /// A field that an object does not have.
    UNKNOWN_FIELD = {
        code: "TRI0101",
        name: "unknown-field",
        severity: Error,
        title: "unknown field",
        means: "The object has no field of this name. It is an error and not ignored, because a misspelt field would silently leave its default in force.",
        mend: "Correct the name, move the field to the object that it belongs to, or remove it.",
        example: "routes:\n- name: orders\n  path: [/orders]   # the field is called `paths`\n",
    }

    /// A value of the wrong type.
    WRONG_TYPE = {
        code: "TRI0102",
        name: "wrong-type",
        severity: Error,
        title: "wrong type",
        means: "The value is of another type than the field takes, such as a text where a number is wanted, or a single text where a list is wanted.",
        mend: "Write the value as the message says. Quotes make a text of anything: `80` is a number, `\"80\"` is a text.",
        example: "port: \"80\"   # a text; 80 is wanted\n",
    }

    /// A field that must be there and is not.
    MISSING_FIELD = {
        code: "TRI0103",
        name: "missing-field",
        severity: Error,
        title: "missing field",
        means: "The object lacks a field that it must have, or has it with the value `null`.",
        mend: "Add the field.",
        example: "services:\n- name: orders   # `host` is missing\n",
    }

    /// A number that is too small or too large.
    OUT_OF_RANGE = {
        code: "TRI0104",
        name: "out-of-range",
        severity: Error,
        title: "number out of range",
        means: "The number is smaller or larger than the field allows.",
        mend: "Use a number within the bounds that the message names.",
        example: "port: 70000   # ports end at 65535\n",
    }

    /// A word that is not among those allowed.
    NOT_ONE_OF = {
        code: "TRI0105",
        name: "not-one-of",
        severity: Error,
        title: "not one of the allowed values",
        means: "The field takes one of a few values, and this is none of them. Upper and lower case matter.",
        mend: "Use one of the values that the message names.",
        example: "protocol: HTTP   # `http`\n",
    }

    /// The same item twice.
    DUPLICATE_ITEM = {
        code: "TRI0106",
        name: "duplicate-item",
        severity: Error,
        title: "duplicate item",
        means: "A list in which every item counts once holds the same item twice.",
        mend: "Remove one of the two.",
        example: "methods: [GET, POST, GET]\n",
    }

    /// A field that still works and should not be used.
    DEPRECATED_FIELD = {
        code: "TRI0107",
        name: "deprecated-field",
        severity: Warning,
        title: "deprecated field",
        means: "The field still works, but has been replaced and will go away.",
        mend: "Use what the message names instead.",
        example: "limit_per_minute: 100   # now `limits.minute`\n",
    }

    /// `yes`, `no`, `on` or `off` where a boolean is wanted.
    BOOLEAN_WORD = {
        code: "TRI0108",
        name: "boolean-word",
        severity: Warning,
        title: "boolean written as a word",
        means: "The value is one of `yes`, `no`, `on` and `off` without quotes. YAML 1.1 reads it as a boolean, YAML 1.2 as a text. \
                Where a boolean is wanted it is taken as YAML 1.1 has it.",
        mend: "Write `true` or `false`.",
        example: "strip_path: no   # write false\n",
    }

    /// A number that two readers would read differently.
    AMBIGUOUS_NUMBER = {
        code: "TRI0109",
        name: "ambiguous-number",
        severity: Error,
        title: "ambiguous number",
        means: "YAML 1.1 and YAML 1.2 read the value differently: `010` is 8 or 10, `1_000` is a number or a text, `1:30` is 90 or a text.",
        mend: "Write a plain decimal number, or a text in quotes.",
        example: "port: 0080   # write 80\n",
    }

    /// A text or list that is too short or too long.
    WRONG_LENGTH = {
        code: "TRI0110",
        name: "wrong-length",
        severity: Error,
        title: "wrong length",
        means: "The text, list or object is shorter or longer than the field allows. An empty one is often not allowed.",
        mend: "Keep to the bounds that the message names, or leave the field out if nothing is meant.",
        example: "name: \"\"\n",
    }

    /// A value of the right type that does not make sense.
    INVALID_VALUE = {
        code: "TRI0111",
        name: "invalid-value",
        severity: Error,
        title: "invalid value",
        means: "The value has the right type, but not the form that the field needs, such as a URL without a host or a path without a leading slash.",
        mend: "Correct the value as the message says.",
        example: "url: orders:8080   # http://orders:8080 is meant\n",
    }

    /// Fields that exclude each other.
    EXCLUSIVE_FIELDS = {
        code: "TRI0112",
        name: "exclusive-fields",
        severity: Error,
        title: "fields exclude each other",
        means: "The object has two fields of which only one may be there.",
        mend: "Remove one of the two.",
        example: "url: http://orders:8080\nhost: orders   # already said by `url`\n",
    }

    /// None of several fields is there.
    NONE_OF_FIELDS = {
        code: "TRI0113",
        name: "none-of-fields",
        severity: Error,
        title: "one of several fields is needed",
        means: "The object has none of several fields of which at least one must be there.",
        mend: "Add one of the fields that the message names.",
        example: "routes:\n- name: orders   # neither `paths` nor `hosts`: it would match everything\n",
    }

    /// A field that needs another one.
    FIELD_NEEDS_FIELD = {
        code: "TRI0114",
        name: "field-needs-field",
        severity: Error,
        title: "field needs another field",
        means: "The object has a field that means nothing without another one, and lacks that one.",
        mend: "Add the other field, or remove this one.",
        example: "tls_verify_depth: 3   # needs `tls_verify`\n",
    }
}

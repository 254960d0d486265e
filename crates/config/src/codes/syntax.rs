//! Document syntax and budgets: `TRI00xx`.

crate::codes! {
    /// A text that is not YAML.
    INVALID_YAML = {
        code: "TRI0001",
        name: "invalid-yaml",
        severity: Error,
        title: "invalid YAML",
        means: "The text cannot be read as YAML. The place is where the reader noticed; the cause often stands a line or two above it, \
                such as a quote or bracket that was never closed, or a line that is indented differently from its neighbours.",
        mend: "Compare the indentation of the line with the lines around it, close quotes and brackets, indent with spaces and not with tabs, \
               and put texts that contain `: `, ` #` or that begin with one of `@ ` & * ! | > % [ { ` into quotes.",
        example: "services:\n- name: orders\n  url: \"http://orders:8080   # the quote is never closed\n",
    }

    /// A text that is not JSON.
    INVALID_JSON = {
        code: "TRI0002",
        name: "invalid-json",
        severity: Error,
        title: "invalid JSON",
        means: "The text is meant to be JSON, by its name or its content, and is not JSON as RFC 8259 defines it. Comments, trailing commas, single quotes \
                and keys without quotes belong to other formats.",
        mend: "Correct the place, or give the file a name that ends with `.yaml` if it is YAML.",
        example: "{\"services\": [{\"name\": \"orders\",}]}   the comma before } is one too many\n",
    }

    /// A key that a mapping has twice.
    DUPLICATE_KEY = {
        code: "TRI0003",
        name: "duplicate-key",
        severity: Error,
        title: "duplicate key",
        means: "One object has the same key twice. Readers of YAML and JSON disagree which one counts, so none is taken.",
        mend: "Remove one of the two, or merge their contents if both are lists or objects.",
        example: "name: orders\nport: 80\nname: payments\n",
    }

    /// An alias without its anchor.
    UNKNOWN_ANCHOR = {
        code: "TRI0004",
        name: "unknown-anchor",
        severity: Error,
        title: "unknown anchor",
        means: "A YAML alias (`*name`) refers to an anchor (`&name`) that does not stand before it in the same document.",
        mend: "Define the anchor before its first use, correct the name, or put the text into quotes if no alias is meant.",
        example: "service: *defaults   # no &defaults before\n",
    }

    /// An anchor that contains its own alias.
    RECURSIVE_ALIAS = {
        code: "TRI0005",
        name: "recursive-alias",
        severity: Error,
        title: "recursive alias",
        means: "A YAML alias stands inside of the value that its own anchor names, so the value would contain itself without end.",
        mend: "Move the alias out of the anchored value, or give the value a different anchor.",
        example: "service: &orders\n  backup: *orders\n",
    }

    /// A merge key with something else than mappings.
    INVALID_MERGE = {
        code: "TRI0006",
        name: "invalid-merge",
        severity: Error,
        title: "invalid merge",
        means: "The merge key `<<` takes over the entries of another object. Its value is neither an object nor a list of objects.",
        mend: "Give it an alias of an object, such as `<<: *defaults`, or put the key into quotes if a key named `<<` is meant.",
        example: "orders:\n  <<: defaults   # *defaults is meant\n  port: 80\n",
    }

    /// A key that is not a text.
    INVALID_KEY = {
        code: "TRI0007",
        name: "invalid-key",
        severity: Error,
        title: "key is not a text",
        means: "The key of an object is a list, another object or nothing at all. YAML allows that; configuration does not.",
        mend: "Use a text as key. If a template such as `{{ name }}` is meant, put it into quotes.",
        example: "host: example.com\n{{ path }}: /orders   # needs quotes\n",
    }

    /// A tag that means nothing here.
    UNKNOWN_TAG = {
        code: "TRI0008",
        name: "unknown-tag",
        severity: Error,
        title: "unknown YAML tag",
        means: "A value bears a YAML tag (`!name`) other than those of YAML's core schema: `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq`, `!!map`.",
        mend: "Remove the tag, or put the value into quotes if the exclamation mark is part of a text.",
        example: "password: !secret orders\n",
    }

    /// A value that does not suit its tag.
    TAG_MISMATCH = {
        code: "TRI0009",
        name: "tag-mismatch",
        severity: Error,
        title: "value does not suit its tag",
        means: "The YAML tag of a value says what the value is to be, and it is something else.",
        mend: "Remove the tag or correct the value.",
        example: "port: !!int eighty\n",
    }

    /// Bytes that are not UTF-8.
    NOT_TEXT = {
        code: "TRI0010",
        name: "not-text",
        severity: Error,
        title: "not UTF-8 text",
        means: "The document is not text in UTF-8. It may be a compressed or binary file, or text in another encoding.",
        mend: "Save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`.",
        example: "name: caf\\xe9   an `é` in Latin-1 is a single byte, in UTF-8 it is two\n",
    }

    /// A text that is too long.
    TOO_LARGE = {
        code: "TRI0020",
        name: "document-too-large",
        severity: Error,
        title: "document too large",
        means: "The text is longer than a document of its origin may be. The limit keeps one document from taking all memory.",
        mend: "Split it into several documents.",
        example: "a request body of 9 MiB to a management API that takes 8 MiB\n",
    }

    /// Lists and objects within each other without end.
    TOO_DEEP = {
        code: "TRI0021",
        name: "document-too-deep",
        severity: Error,
        title: "document too deep",
        means: "Lists and objects stand within each other deeper than any configuration needs.",
        mend: "Look for a bracket that was never closed, or a generator that went astray.",
        example: "[[[[[[[[ and so on, a hundred thousand times\n",
    }

    /// More values than allowed.
    TOO_MANY_VALUES = {
        code: "TRI0022",
        name: "too-many-values",
        severity: Error,
        title: "too many values",
        means: "The text holds more values than a document of its origin may hold.",
        mend: "Split it into several documents.",
        example: "a list of a million numbers, sent to a management API\n",
    }

    /// Aliases that copy too much.
    TOO_MANY_COPIES = {
        code: "TRI0023",
        name: "too-many-copies",
        severity: Error,
        title: "aliases copy too much",
        means: "The anchors and aliases of the document would copy so many values that a small text becomes a huge configuration.",
        mend: "Write the values out, or use fewer aliases of large values within each other.",
        example: "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]   and so on\n",
    }
}

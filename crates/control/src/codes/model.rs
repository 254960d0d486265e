//! Whole models: `TRI04xx`.

config::codes! {
    /// A model that contradicts itself.
    INCONSISTENT = {
        code: "TRI0401",
        name: "inconsistent",
        severity: Error,
        title: "configuration contradicts itself",
        means: "Each document is right by itself, but together they cannot be run: two want the same address or the same name, or one refers to something that none defines.",
        mend: "Change one of the places that the message shows.",
        example: "$ tripylon check east west    # both open port 8443\n",
    }

    /// A configuration that the engine or a policy refuses.
    REFUSED = {
        code: "TRI0402",
        name: "refused",
        severity: Error,
        title: "configuration refused",
        means: "The part of the gateway that would have to carry out this value cannot: a pattern does not compile, a key or certificate cannot be read, a number is out of bounds.",
        mend: "Correct the value as the message says.",
        example: "paths: [\"~/orders/(?<id>[0-9]+\"]   # the parenthesis is never closed\n",
    }
}

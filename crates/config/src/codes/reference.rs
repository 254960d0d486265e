//! References and conflicts: `TRI02xx`.

crate::codes! {
    /// A name that nothing has.
    UNKNOWN_REFERENCE = {
        code: "TRI0201",
        name: "unknown-reference",
        severity: Error,
        title: "reference to nothing",
        means: "A value names another object, and there is no object of that kind and name.",
        mend: "Correct the name, or define the object.",
        example: "services:\n- name: orders\nroutes:\n- service: order   # `orders` is meant\n",
    }

    /// A name that two objects have.
    NAME_TAKEN = {
        code: "TRI0202",
        name: "name-taken",
        severity: Error,
        title: "name taken twice",
        means: "Two objects of one kind have the same name, in one document or in two, so that nothing could tell them apart.",
        mend: "Rename or remove one of the two.",
        example: "services:\n- name: orders\n- name: orders\n",
    }

    /// Two settings that contradict each other.
    CONFLICT = {
        code: "TRI0203",
        name: "conflict",
        severity: Error,
        title: "settings contradict each other",
        means: "Two settings cannot both hold. The message shows both places.",
        mend: "Change or remove one of the two.",
        example: "protocols: [tcp]\npaths: [/orders]   # a TCP connection has no path\n",
    }
}

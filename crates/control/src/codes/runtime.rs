//! Listeners and runtime: `TRI05xx`.

config::codes! {
    /// An address that cannot be listened on.
    CANNOT_LISTEN = {
        code: "TRI0501",
        name: "cannot-listen",
        severity: Error,
        title: "address cannot be listened on",
        means: "The operating system refuses the address: another program listens there, the address is not this machine's, or the port is below 1024 and the user may not open it.",
        mend: "Stop the other program (`ss -ltnp` shows it) or listen elsewhere. For a port below 1024 give the binary the capability CAP_NET_BIND_SERVICE.",
        example: "$ tripylon run gateway.yml --bind 192.0.2.1    # not an address of this machine\n",
    }

    /// A model that could not be brought to the workers.
    NOT_APPLIED = {
        code: "TRI0502",
        name: "not-applied",
        severity: Error,
        title: "configuration not applied",
        means: "The configuration is right, but the workers did not take it over. What ran before is still running. This is a fault of the machine or of the gateway, not of the document.",
        mend: "Look at the message and at the error log for the cause, and try again with SIGHUP.",
        example: "",
    }
}

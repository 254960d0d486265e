//! Tests of the built gateway over real sockets: clients, upstreams and stores that do as they are told.
//! Never imports: any workspace crate.

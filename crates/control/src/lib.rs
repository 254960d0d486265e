//! Store documents, run translations, publish models.
//! Never imports: `dataplane`, `policies`, `hosts`, any dialect.

//! `DATASTORE` and `DATASTORE CACHE`.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "Datastore",
    properties: rows! {
        database: Text = "off", Error "databases are not supported yet; the configuration comes from files (`database = off`), which is the default here and not `postgres`";
        declarative_config: Text = "", Used "the file that is loaded at the start";
        declarative_config_string: Text = "", Used "the same as a text";
        lmdb_environment_path: Text = "dbless.lmdb", Note "the configuration is kept in memory and read again from its files";
        lmdb_map_size: Text = "2048m", Note "the configuration is kept in memory and read again from its files";
        pg_host: Text = "127.0.0.1", Note "means something only with `database = postgres`, which is not supported yet";
        pg_port: Number = "5432", Note "means something only with `database = postgres`, which is not supported yet";
        pg_timeout: Number = "5000", Note "means something only with `database = postgres`, which is not supported yet";
        pg_user: Text = "kong", Note "means something only with `database = postgres`, which is not supported yet";
        pg_password: Secret = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_database: Text = "kong", Note "means something only with `database = postgres`, which is not supported yet";
        pg_schema: Text = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ssl: Bool = "off", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ssl_verify: Bool = "off", Note "means something only with `database = postgres`, which is not supported yet";
        pg_max_concurrent_queries: Number = "0", Note "means something only with `database = postgres`, which is not supported yet";
        pg_semaphore_timeout: Number = "60000", Note "means something only with `database = postgres`, which is not supported yet";
        pg_keepalive_timeout: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_pool_size: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_backlog: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_host: Text = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_port: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_timeout: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_user: Text = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_password: Secret = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_database: Text = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_schema: Text = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_ssl: Bool = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_ssl_verify: Bool = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_max_concurrent_queries: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_semaphore_timeout: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_keepalive_timeout: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_pool_size: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        pg_ro_backlog: Number = "", Note "means something only with `database = postgres`, which is not supported yet";
        _debug_pg_ttl_cleanup_interval: Number = "300", Note "means something only with `database = postgres`, which is not supported yet";
        db_update_frequency: Number = "5", Note "there is no database to ask for changes";
        db_update_propagation: Number = "0", Note "there is no database to wait for";
        db_cache_ttl: Number = "0", Note "the whole configuration is in memory; nothing of it expires";
        db_cache_neg_ttl: Number = "", Note "the whole configuration is in memory; nothing of it expires";
        db_resurrect_ttl: Number = "30", Note "the whole configuration is in memory; nothing of it expires";
        db_cache_warmup_entities: List = "services", Note "the whole configuration is in memory from the start";
    },
};

//! `HYBRID MODE`.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "Hybrid mode",
    properties: rows! {
        role: Text = "traditional", Error "control planes and data planes are not supported yet; run the gateway from files";
        cluster_mtls: Text = "shared", Note "means something only with a `role` that is not supported yet";
        cluster_cert: Text = "", Note "means something only with a `role` that is not supported yet";
        cluster_cert_key: Text = "", Note "means something only with a `role` that is not supported yet";
        cluster_ca_cert: Text = "", Note "means something only with a `role` that is not supported yet";
        cluster_server_name: Text = "", Note "means something only with a `role` that is not supported yet";
        cluster_control_plane: Text = "127.0.0.1:8005", Note "means something only with a `role` that is not supported yet";
        cluster_max_payload: Number = "16777216", Note "means something only with a `role` that is not supported yet";
        cluster_dp_labels: List = "", Note "means something only with a `role` that is not supported yet";
        cluster_listen: List = "0.0.0.0:8005", Note "means something only with a `role` that is not supported yet" ["off"];
        cluster_data_plane_purge_delay: Number = "1209600", Note "means something only with a `role` that is not supported yet";
        cluster_ocsp: Text = "off", Note "means something only with a `role` that is not supported yet";
        cluster_use_proxy: Bool = "off", Note "means something only with a `role` that is not supported yet";
        cluster_rpc: Bool = "off", Note "means something only with a `role` that is not supported yet";
        cluster_rpc_sync: Bool = "off", Note "means something only with a `role` that is not supported yet";
        cluster_cjson: Bool = "off", Note "chose between two of Kong's JSON libraries";
    },
};

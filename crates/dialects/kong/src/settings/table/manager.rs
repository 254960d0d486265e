//! `KONG MANAGER`.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "Kong Manager",
    properties: rows! {
        admin_gui_listen: List = "0.0.0.0:8002, 0.0.0.0:8445 ssl", Warning "there is no Kong Manager here; nothing listens on these addresses" ["off"];
        admin_gui_url: List = "", Used "pages of these addresses may use the management API, as those of this machine may";
        admin_gui_path: Text = "/", Note "there is no Kong Manager here";
        admin_gui_api_url: Text = "", Note "there is no Kong Manager here";
        admin_gui_csp_header: Bool = "off", Note "there is no Kong Manager here";
        admin_gui_ssl_cert: List = "", Note "there is no Kong Manager here";
        admin_gui_ssl_cert_key: List = "", Note "there is no Kong Manager here";
        admin_gui_access_log: Text = "logs/admin_gui_access.log", Note "there is no Kong Manager here" ["off"];
        admin_gui_error_log: Text = "logs/admin_gui_error.log", Note "there is no Kong Manager here" ["off"];
    },
};

//! `DNS RESOLVER`, the old client's properties and the new one's.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "DNS",
    properties: rows! {
        dns_resolver: List = "", Used "name servers, `IP` or `IP:PORT`; if there are none, those of `/etc/resolv.conf`, whose search list, `ndots`, timeout and attempts always hold";
        dns_hostsfile: Text = "/etc/hosts", Used "the file whose names are not asked for; it is read when the first name is resolved";
        dns_order: List = "LAST,SRV,A,CNAME", Used "kinds of records: the first of which a name has any counts; all are asked for at once, and `CNAME` is always followed. AAAA comes last if nothing is said";
        dns_valid_ttl: Number = "", Used "seconds that count instead of the records' own time to live";
        dns_stale_ttl: Number = "3600", Used "seconds for which addresses are used beyond their time to live as long as nothing newer is known";
        dns_cache_size: Number = "10000", Note "the cache grows with the names of upstreams, of which there are few";
        dns_not_found_ttl: Number = "30", Used "seconds for which it is believed that a name does not exist; for so long it is not believed of a name that did";
        dns_error_ttl: Number = "1", Used "seconds after which a question is asked again that was not answered";
        dns_no_sync: Bool = "off", Note "concurrent questions for one name are always joined";
        new_dns_client: Bool = "off", Used "whether the `resolver_` properties count, not the `dns_` ones";
        resolver_address: List = "", Used "with `new_dns_client`: as `dns_resolver`";
        resolver_hosts_file: Text = "/etc/hosts", Used "with `new_dns_client`: as `dns_hostsfile`";
        resolver_family: List = "A,SRV", Used "with `new_dns_client`: kinds of records; SRV for names of the form `_service._protocol.name` only, which have no others";
        resolver_valid_ttl: Number = "", Used "with `new_dns_client`: as `dns_valid_ttl`";
        resolver_error_ttl: Number = "1", Used "with `new_dns_client`: as `dns_not_found_ttl` and `dns_error_ttl`";
        resolver_stale_ttl: Number = "3600", Used "with `new_dns_client`: as `dns_stale_ttl`";
        resolver_lru_cache_size: Number = "10000", Note "the cache grows with the names of upstreams, of which there are few";
        resolver_mem_cache_size: Text = "5m", Note "the cache grows with the names of upstreams, of which there are few";
    },
};

//! `DNS RESOLVER`, the old client's properties and the new one's.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "DNS",
    properties: rows! {
        dns_resolver: List = "", Warning "name servers are those of `/etc/resolv.conf`; set them there";
        dns_hostsfile: Text = "/etc/hosts", Warning "the hosts file is `/etc/hosts`";
        dns_order: List = "LAST,SRV,A,CNAME", Warning "A and AAAA records are asked for, SRV records are not; name ports in targets";
        dns_valid_ttl: Number = "", Note "the records' own time to live counts";
        dns_stale_ttl: Number = "3600", Note "while a name cannot be resolved its last addresses are used";
        dns_cache_size: Number = "10000", Note "the cache grows with the names of upstreams, of which there are few";
        dns_not_found_ttl: Number = "30", Note "a name that does not exist is asked for again when a request needs it";
        dns_error_ttl: Number = "1", Note "a name that failed is asked for again when a request needs it";
        dns_no_sync: Bool = "off", Note "concurrent questions for one name are always joined";
        new_dns_client: Bool = "off", Note "chose between two of Kong's clients; there is one here" ["on"];
        resolver_address: List = "", Warning "name servers are those of `/etc/resolv.conf`; set them there";
        resolver_hosts_file: Text = "/etc/hosts", Warning "the hosts file is `/etc/hosts`";
        resolver_family: List = "A,SRV", Warning "A and AAAA records are asked for, SRV records are not; name ports in targets";
        resolver_valid_ttl: Number = "", Note "the records' own time to live counts";
        resolver_error_ttl: Number = "1", Note "a name that failed is asked for again when a request needs it";
        resolver_stale_ttl: Number = "3600", Note "while a name cannot be resolved its last addresses are used";
        resolver_lru_cache_size: Number = "10000", Note "the cache grows with the names of upstreams, of which there are few";
        resolver_mem_cache_size: Text = "5m", Note "the cache grows with the names of upstreams, of which there are few";
    },
};

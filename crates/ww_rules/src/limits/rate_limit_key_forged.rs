//! `rate-limit-key-forged`: a rate limit counts by a header that any client can write.

use super::bounds::{self, Bound};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_chain::{Chains, PartyId};
use ww_finding::Support;

rule! {
    name: "rate-limit-key-forged",
    family: "limits",
    layer: Http,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "A rate limit counts by an address that a header claims, and nobody before it writes that header: clients choose their own counter",
    needs: [Programs],
    explains: [],
    page: "rate_limit_key_forged.md",
    check: check,
}

/// Headers by which proxies tell the client's address, in lower case with `_` for `-`.
const CLAIMS: [&str; 6] = [
    "x_forwarded_for",
    "x_real_ip",
    "x_client_ip",
    "true_client_ip",
    "cf_connecting_ip",
    "forwarded",
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for (index, party) in chains.parties.iter().enumerate() {
        if is_behind(chains, PartyId(index)) {
            continue;
        }
        for limit in bounds::all(party) {
            let Some((key, header)) = claimed(&limit) else {
                continue;
            };
            let place = limit.key_place();
            if told.insert(place) {
                let name = &party.name;
                reports.add(
                    Story::proved(
                        format!(
                            "{name} counts {} by {key}, which whoever sends the request writes: with another \
                             {header} in each one nobody is ever limited",
                            limit.kind.of_what()
                        ),
                        format!(
                            "a proxy before {name} that none of these files shows, by which all requests come and which \
                             replaces {header}"
                        ),
                    )
                    .support(Support::Declared)
                    .show(at(place, format!("requests are counted by {key}")))
                    .show(at(limit.at, "the limit is applied here"))
                    .advise(
                        "Count by the address of the connection: in nginx `$binary_remote_addr`, in HAProxy `src`",
                    )
                    .advise(format!(
                        "If a proxy stands before {name}, take the address from its header only when the connection \
                         comes from it (`set_real_ip_from`, `real_ip_header`), and count by the result"
                    )),
                );
            }
        }
    }
}

/// Whether some proxy is known to stand before a party: what that one writes, it may count by.
fn is_behind(chains: &Chains<'_>, id: PartyId) -> bool {
    let mut hops = chains.hops_to(id);
    hops.any(|hop| hop.caller != id && !hop.call.from.is_empty())
}

/// The key of a limit with the header that it is.
fn claimed<'m>(limit: &Bound<'m>) -> Option<(&'m str, String)> {
    let key = limit.counter.key.value()?;
    let plain = key.to_ascii_lowercase().replace('-', "_");
    let name = plain
        .strip_prefix("$http_")
        .or_else(|| plain.strip_prefix("req.hdr("))
        .or_else(|| plain.strip_prefix("hdr("))
        .or_else(|| plain.strip_prefix("req.hdr_ip("))
        .or_else(|| plain.strip_prefix("hdr_ip("))?;
    let name = name.split([',', ')']).next()?;
    CLAIMS
        .contains(&name)
        .then(|| (key.as_str(), name.replace('_', "-")))
}

//! Which addresses may be reached: a channel must not become a way into the private network.

use crate::model::Duration;
use ipnet::IpNet;
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const LOOKUP_DEADLINE: Duration = Duration::from_secs(5);

/// Never reached: link-local, the metadata services of the clouds, and what is no host.
const NEVER: [(&str, &str); 14] = [
    ("169.254.0.0/16", "link-local or metadata"),
    ("fe80::/10", "link-local"),
    ("fd00:ec2::/32", "metadata"),
    ("fd20:ce::/32", "metadata"),
    ("100.100.100.200/32", "metadata"),
    ("168.63.129.16/32", "metadata"),
    ("192.0.0.192/32", "metadata"),
    ("0.0.0.0/8", "unspecified"),
    ("::/128", "unspecified"),
    ("224.0.0.0/4", "multicast"),
    ("ff00::/8", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("2002::/16", "tunnelled"),
    ("2001::/32", "tunnelled"),
];

/// Reached only by a channel that says `allow_private: true`.
const PRIVATE: [(&str, &str); 11] = [
    ("127.0.0.0/8", "loopback"),
    ("::1/128", "loopback"),
    ("10.0.0.0/8", "private"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("100.64.0.0/10", "private"),
    ("192.0.0.0/24", "private"),
    ("198.18.0.0/15", "private"),
    ("fc00::/7", "private"),
    ("fec0::/10", "private"),
    ("64:ff9b:1::/48", "private"),
];

/// The addresses behind a URL, if every one of them may be reached.
///
/// # Errors
/// Says what forbids it and what to configure, without naming the host.
pub(super) async fn permitted(url: &Url, allow_private: bool) -> Result<Vec<SocketAddr>, String> {
    let plain = match url.scheme() {
        "https" => false,
        "http" => true,
        _ => return Err("the channel's address is neither https nor http".to_owned()),
    };
    if plain && !allow_private {
        return Err("plain http is refused: use https, or allow_private: true for a private address".to_owned());
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("the channel's address names no host".to_owned());
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = tokio::time::timeout(LOOKUP_DEADLINE, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| format!("the channel's host name was not resolved within {}s", LOOKUP_DEADLINE.as_secs()))?
        .map_err(|_| "the channel's host name does not resolve".to_owned())?
        .collect();
    if found.is_empty() {
        return Err("the channel's host name has no address".to_owned());
    }
    found.iter().try_for_each(|address| check(address.ip(), allow_private, plain))?;
    Ok(found)
}

/// Whether one address may be reached.
fn check(ip: IpAddr, allow_private: bool, plain: bool) -> Result<(), String> {
    let real = unwrapped(ip);
    if let Some(what) = listed(real, &NEVER) {
        return Err(format!("{ip} is a {what} address, which no channel may reach"));
    }
    match listed(real, &PRIVATE) {
        Some(what) if !allow_private => {
            Err(format!("{ip} is a {what} address: say allow_private: true beside the channel's name if it is meant"))
        }
        None if plain => Err(format!("plain http to the public address {ip} is refused: use https")),
        _ => Ok(()),
    }
}

fn listed<'a>(ip: IpAddr, nets: &[(&str, &'a str)]) -> Option<&'a str> {
    let holds = |net: &str| net.parse::<IpNet>().is_ok_and(|net| net.contains(&ip));
    nets.iter().find(|(net, _)| holds(net)).map(|(_, what)| *what)
}

/// The IPv4 address inside an IPv6 one that only wraps it (mapped, compatible, NAT64).
fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let wrapped = v6.octets();
    let last = <[u8; 4]>::try_from(&wrapped[12..]).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
    let nat64 = v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let compatible = wrapped[..12] == [0; 12] && !v6.is_loopback() && !v6.is_unspecified();
    match v6.to_ipv4_mapped() {
        Some(v4) => IpAddr::V4(v4),
        None if nat64 || compatible => IpAddr::V4(last),
        None => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(ip: &str, allow_private: bool, plain: bool) -> Result<(), String> {
        check(ip.parse().unwrap(), allow_private, plain)
    }

    #[test]
    fn the_lists_are_networks() {
        for (net, _) in NEVER.iter().chain(&PRIVATE) {
            assert!(net.parse::<IpNet>().is_ok(), "{net}");
        }
    }

    #[test]
    fn metadata_and_link_local_are_refused_whatever_is_allowed() {
        let never = [
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "2002:a9fe:a9fe::1",
        ];
        for ip in never {
            for (allow_private, plain) in [(true, true), (true, false), (false, false)] {
                assert!(answer(ip, allow_private, plain).unwrap_err().contains("no channel may reach"), "{ip}");
            }
        }
    }

    #[test]
    fn private_addresses_need_a_word() {
        let private =
            ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", "::ffff:10.0.0.1"];
        for ip in private {
            assert!(answer(ip, false, false).unwrap_err().contains("allow_private: true"), "{ip}");
            assert_eq!(answer(ip, true, false), Ok(()), "{ip}");
            assert_eq!(answer(ip, true, true), Ok(()), "{ip}");
        }
    }

    #[test]
    fn public_addresses_need_https() {
        for ip in ["93.184.215.14", "172.32.0.1", "2606:2800:21f::1", "100.128.0.1"] {
            assert_eq!(answer(ip, false, false), Ok(()), "{ip}");
            assert!(answer(ip, true, true).unwrap_err().contains("use https"), "{ip}");
        }
    }
}

//! A network between a program and the servers that can drop everything, without a word to either side.

use super::places;
use super::process::run;
use std::process::Command;

/// Two network namespaces: one for the program, and a router that leads to this machine's servers.
pub struct Network {
    number: u8,
}

impl Network {
    /// None, said loudly, without the right to make namespaces; a failure under `tests/run.sh`.
    pub fn start() -> Option<Network> {
        let number = u8::try_from(std::process::id() % 250).expect("below 250");
        let made = places::is_root() && ip(&format!("netns add pgm-inside-{number}"));
        if !made {
            places::skipped("no right to make network namespaces (`ip netns add` as root)");
            return None;
        }
        let (n, network) = (number, Network { number });
        for order in [
            format!("netns add pgm-router-{n}"),
            format!("link add pgm{n}i netns pgm-inside-{n} type veth peer name inside netns pgm-router-{n}"),
            format!("link add pgm{n}o type veth peer name outside netns pgm-router-{n}"),
            format!("-n pgm-inside-{n} addr add 10.77.{n}.2/24 dev pgm{n}i"),
            format!("-n pgm-inside-{n} link set pgm{n}i up"),
            format!("-n pgm-inside-{n} link set lo up"),
            format!("-n pgm-router-{n} addr add 10.77.{n}.1/24 dev inside"),
            format!("-n pgm-router-{n} addr add 10.78.{n}.1/24 dev outside"),
            format!("-n pgm-router-{n} link set inside up"),
            format!("-n pgm-router-{n} link set outside up"),
            format!("addr add 10.78.{n}.2/24 dev pgm{n}o"),
            format!("link set pgm{n}o up"),
            format!("-n pgm-inside-{n} route add default via 10.77.{n}.1"),
            format!("route add 10.77.{n}.0/24 via 10.78.{n}.1"),
        ] {
            assert!(ip(&order), "ip {order}");
        }
        let forward = "echo 1 >/proc/sys/net/ipv4/ip_forward";
        run(Command::new("ip").args(["netns", "exec", &format!("pgm-router-{n}"), "sh", "-c", forward]));
        Some(network)
    }

    /// The address of this machine's servers, as seen from inside.
    pub fn servers(&self) -> String {
        format!("10.78.{}.2", self.number)
    }

    /// What a program is started with to be inside.
    pub fn entrance(&self) -> Vec<String> {
        ["ip", "netns", "exec", &format!("pgm-inside-{}", self.number)].map(str::to_owned).into()
    }

    /// From now on every packet is dropped, in both directions.
    pub fn drop_all(&self) {
        let n = self.number;
        for address in [format!("10.77.{n}.2"), format!("10.78.{n}.2")] {
            assert!(ip(&format!("-n pgm-router-{n} route add blackhole {address}/32")));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let n = self.number;
        ip(&format!("netns del pgm-inside-{n}"));
        ip(&format!("netns del pgm-router-{n}"));
        ip(&format!("link del pgm{n}o"));
    }
}

fn ip(order: &str) -> bool {
    Command::new("ip").args(order.split(' ')).status().is_ok_and(|status| status.success())
}

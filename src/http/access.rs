//! Who asks, and what they may do.

use crate::config::AccessRole;
use nix::unistd::{Gid, Group, Uid, User, geteuid, getgrouplist};
use std::collections::BTreeMap;
use std::ffi::CString;

/// Roles by group name; who is in none of the groups is operator.
pub type Roles = BTreeMap<String, AccessRole>;

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As records name them: `user:alice`, or `uid:1234` for a user without a name.
    pub actor: String,
    /// What they may do.
    pub role: AccessRole,
}

impl Caller {
    /// The user behind a socket's peer credentials. Asks the system's user database, so it may block.
    #[must_use]
    pub fn of_uid(uid: u32, roles: &Roles) -> Caller {
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let all_powerful = uid == 0 || uid == geteuid().as_raw();
        let role =
            if all_powerful { AccessRole::Admin } else { role(&user.as_ref().map(groups).unwrap_or_default(), roles) };
        let actor = user.map_or_else(|| format!("uid:{uid}"), |u| format!("user:{}", u.name));
        Caller { actor, role }
    }

    /// The user of this process, for what is done without a daemon.
    #[must_use]
    pub fn own() -> Caller {
        Caller::of_uid(geteuid().as_raw(), &Roles::new())
    }
}

/// The highest role of the groups that have one.
fn role(groups: &[String], roles: &Roles) -> AccessRole {
    groups.iter().filter_map(|g| roles.get(g).copied()).max().unwrap_or(AccessRole::Operator)
}

fn groups(user: &User) -> Vec<String> {
    let Ok(name) = CString::new(user.name.as_str()) else { return Vec::new() };
    let ids: Vec<Gid> = getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
    ids.into_iter().filter_map(|gid| Group::from_gid(gid).ok().flatten()).map(|g| g.name).collect()
}

/// The word users write for a role.
#[must_use]
pub fn word(role: AccessRole) -> &'static str {
    AccessRole::ALL.iter().find(|(_, r)| *r == role).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        [("dba", AccessRole::Approver), ("interns", AccessRole::Viewer)].map(|(g, r)| (g.to_owned(), r)).into()
    }

    #[test]
    fn the_highest_group_counts_and_others_are_operators() {
        let of = |groups: &[&str]| role(&groups.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>(), &roles());
        assert_eq!(of(&["users", "interns", "dba"]), AccessRole::Approver);
        assert_eq!(of(&["interns"]), AccessRole::Viewer, "a group can also lower");
        assert_eq!(of(&["users"]), AccessRole::Operator);
        assert_eq!(of(&[]), AccessRole::Operator);
    }

    #[test]
    fn root_and_the_daemons_own_user_are_admins_and_a_nameless_uid_is_still_named() {
        assert_eq!(Caller::of_uid(0, &roles()), Caller { actor: "user:root".to_owned(), role: AccessRole::Admin });
        assert_eq!(Caller::own().role, AccessRole::Admin);
        let nobody = Caller::of_uid(3_999_999_999, &roles());
        assert_eq!(nobody, Caller { actor: "uid:3999999999".to_owned(), role: AccessRole::Operator });
    }
}

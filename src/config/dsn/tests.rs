use super::Params;
use proptest::prelude::*;

fn read(text: &str, keys: &[&str]) -> Vec<String> {
    let params = Params::parse(text).unwrap();
    keys.iter().map(|k| params.get(k).unwrap_or("-").to_owned()).collect()
}

#[test]
fn both_forms_say_the_same() {
    let keys = ["user", "password", "host", "port", "dbname", "sslmode"];
    let url = "postgresql://me:it%27s%20me@db1:5433,db2/shop?sslmode=verify-full";
    let pairs = r"user=me password='it\'s me' host = db1,db2 port=5433, dbname=shop sslmode=verify-full";
    assert_eq!(read(url, &keys), ["me", "it's me", "db1,db2", "5433,", "shop", "verify-full"]);
    assert_eq!(read(url, &keys), read(pairs, &keys));
}

#[test]
fn places_of_every_kind_are_read() {
    let keys = ["user", "host", "port", "dbname"];
    assert_eq!(read("postgres://[::1]:5433", &keys), ["-", "::1", "5433", "-"]);
    assert_eq!(read("postgresql:///x?host=/run/pg", &keys), ["-", "/run/pg", "-", "x"]);
    assert_eq!(read("postgresql://me@%2Frun%2Fpg/x", &keys), ["me", "/run/pg", "-", "x"]);
    assert_eq!(read("postgresql://a,[::1]:1,b:2/x?ssl=true", &keys), ["-", "a,::1,b", ",1,2", "x"]);
    assert_eq!(read("", &keys), ["-", "-", "-", "-"]);
}

#[test]
fn what_is_not_taken_is_named_with_its_reason() {
    let cases = [
        ("postgresql://h/d?sslmod=require", "did you mean `sslmode`?"),
        ("postgresql://h/d?SSLMODE=require", "did you mean `sslmode`?"),
        ("host=a require_auth=md5", "channel_binding=require"),
        ("host=a options=-cx=1", "sets its sessions up itself"),
        ("host=a application_name=x", "named by pgmedic"),
        ("host=a sslpassword=CRET", "passphrase"),
        ("host=a gssencmode=require", "one of disable, prefer"),
        ("host=a sslmode=CRET", "one of disable, allow, prefer, require"),
        ("host=a sslcompression=1", "can only be 0"),
        ("host=a connect_timeout=CRET", "not a whole number"),
        ("host=a port=CRET", "1 to 65535"),
        ("host=a port=0", "1 to 65535"),
        ("host=a,b,c port=1,2", "`port` names 2 and `host` 3"),
        ("host=a,b hostaddr=10.0.0.1", "`host` names 2 and `hostaddr` 1"),
        ("hostaddr=db1", "not an IP address"),
        ("host=a sslrootcert=system sslmode=require", "verify-full"),
        ("host=a sslnegotiation=direct sslmode=prefer", "sslmode=require"),
        ("host=a ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2", "is above"),
        ("host", "`=` is missing"),
        ("password='x", "not closed"),
        ("postgresql://h/%zz", "%25"),
        ("postgresql://h/%00", "zero byte"),
        ("postgresql://u:SE?CRET@h/d", "%3F"),
        ("postgresql://u:SE?CRET=x@h/d", "%3F"),
        ("postgresql://u:SE/CRET@h/d", "%2F"),
    ];
    for (text, named) in cases {
        let why = Params::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert!(why.contains(named) && !why.contains("CRET"), "{text}: {why}");
    }
}

#[test]
fn a_written_option_beats_the_environment() {
    let params = Params::parse("port=5433 dbname=''").unwrap().or_environment(|name| match name {
        "PGPORT" | "PGREQUIRESSL" => Some("1".to_owned()),
        "PGHOST" => Some("db2".to_owned()),
        "PGDATABASE" => Some("env".to_owned()),
        _ => None,
    });
    let params = params.unwrap();
    let said = ["port", "host", "dbname", "sslmode"].map(|k| params.get(k));
    assert_eq!(said, [Some("5433"), Some("db2"), None, Some("require")]);
    let wrong = |name: &str| (name == "PGREQUIREAUTH").then(|| "md5".to_owned());
    let why = Params::parse("").unwrap().or_environment(wrong).err().unwrap();
    assert!(why.starts_with("the variable PGREQUIREAUTH: `require_auth` is not taken"), "{why}");
}

proptest! {
    /// Written with or without escapes, in either form, before or behind a fault: it is not repeated.
    #[test]
    fn no_error_repeats_a_password(
        secret in "[A-Z0-9@/?=&%'\\\\ :,]{3,8}Q[0-9]{5}[@/?=&%' :,]{0,2}",
        form in 0..5usize,
    ) {
        let text = match form {
            0 => format!("postgresql://u:{secret}@h/d?sslmode=wrong"),
            1 => format!("postgresql://u:{secret}@h,i/d?port=1,2,3"),
            2 => format!("password={secret} host=h sslmode=wrong"),
            3 => format!("host=h sslmode=wrong password='{secret}"),
            _ => format!("postgresql://h/d?password={secret}&sslmode=wrong"),
        };
        if let Err(why) = Params::parse(&text) {
            let tail = secret.rsplit('Q').next().unwrap_or_default().get(..5).unwrap_or_default();
            prop_assert!(!why.contains(&secret) && !why.contains(tail), "{}", why);
        }
    }
}

//! `postgresql://user:password@host:port,host:port/database?option=value&…`

use super::Params;

/// How to write what else would end a part of a URL.
pub const ESCAPE: &str = "in a URL's password write %3F for ?, %2F for /, %40 for @, %25 for %";

/// Reads what stands behind `postgresql://`.
///
/// # Errors
/// Says what is wrong and never repeats a value.
pub fn read(rest: &str) -> Result<Params, String> {
    let mut params = Params::default();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    if database.contains('@') {
        return Err(format!("the URL has an `@` behind its `/`; {ESCAPE}"));
    }
    let (login, places) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let places: Vec<(&str, &str)> = places.split(',').map(host_and_port).collect::<Result<_, _>>()?;
    // A list of one empty host is none; `h1,h2` has no ports.
    let joined = |part: Vec<&str>| if part.iter().all(|p| p.is_empty()) { String::new() } else { part.join(",") };
    let hosts = places.iter().map(|(host, _)| *host).collect();
    let ports = places.iter().map(|(_, port)| *port).collect();
    let (hosts, ports) = (joined(hosts), joined(ports));
    let named = [("user", user), ("password", password), ("host", &hosts), ("port", &ports), ("dbname", database)];
    for (key, value) in named {
        if !value.is_empty() {
            params.put(key, decode(value)?)?;
        }
    }
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("behind `?` an option lacks its `=`; {ESCAPE}"))?;
        match (decode(key)?.as_str(), decode(value)?) {
            // As libpq takes it from users of JDBC.
            ("ssl", value) if value == "true" => params.put("sslmode", "require".to_owned())?,
            (key, value) => params.put(key, value)?,
        }
    }
    Ok(params)
}

fn host_and_port(place: &str) -> Result<(&str, &str), String> {
    if let Some(v6) = place.strip_prefix('[') {
        let (host, after) = v6.split_once(']').ok_or("the `[` before an IPv6 address is not closed")?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if after.is_empty() => Ok((host, "")),
            None => Err("after an IPv6 address in brackets comes `:PORT` or nothing".to_owned()),
        };
    }
    Ok(place.split_once(':').unwrap_or((place, "")))
}

fn decode(text: &str) -> Result<String, String> {
    let wrong = || "a `%` in the URL is not followed by two hexadecimal digits: write %25 for it".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else { return Err(wrong()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| "the URL holds bytes that are not UTF-8".to_owned())
}

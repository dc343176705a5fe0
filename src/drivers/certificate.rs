//! The client's own certificate, as libpq finds it and with its rules for the key's file.

use super::around::Around;
use crate::config::dsn::Params;
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A chain and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The certificate of `sslcert`, else of `~/.postgresql/postgresql.crt` where that is; None without one.
///
/// # Errors
/// A file that cannot be read, a key that others can read or that has a passphrase.
pub fn find(params: &Params, around: &Around) -> Result<Option<Identity>, String> {
    if params.get("sslcertmode") == Some("disable") {
        return Ok(None);
    }
    let written = params.get("sslcert").map(|f| around.place(f));
    let Some(file) = written.or_else(|| {
        let default = around.in_home(".postgresql/postgresql.crt");
        default.exists().then_some(default)
    }) else {
        return Ok(None);
    };
    let wrong = |why: &dyn std::fmt::Display| format!("the client certificate {}: {why}", file.display());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&file).map_err(|e| wrong(&e))?.collect();
    let chain = chain.map_err(|e| wrong(&e))?;
    if chain.is_empty() {
        return Err(wrong(&"the file holds none in PEM"));
    }
    let key = params.get("sslkey").map_or_else(|| around.in_home(".postgresql/postgresql.key"), |f| around.place(f));
    Ok(Some((chain, private_key(&key)?)))
}

/// Shows the certificate to whichever server asks for one.
///
/// # Errors
/// When certificate and key do not belong together.
pub fn resolver((chain, key): Identity, provider: &CryptoProvider) -> Result<SingleCertAndKey, String> {
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|e| format!("the client key cannot be used: {e}"))?;
    let certified = CertifiedKey::new(chain, key);
    // Other errors only say that it cannot be compared: rustls reads no certificates of version 1, which
    // openssl makes by default, and the server may take them.
    if let Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = certified.keys_match() {
        return Err("the client certificate belongs to another key: look at sslcert and sslkey".to_owned());
    }
    Ok(certified.into())
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let wrong = |why: &str| format!("the client key {}: {why}", file.display());
    let metadata = file.metadata().map_err(|e| wrong(&e.to_string()))?;
    if !metadata.is_file() {
        return Err(wrong("it is no file"));
    }
    // A key that an administrator hands to a group belongs to root.
    let (forbidden, remedy) = if metadata.uid() == 0 { (0o037, "0640") } else { (0o077, "0600") };
    if metadata.mode() & forbidden != 0 {
        let mode = metadata.mode() & 0o777;
        let remedy = format!("its mode is {mode:04o}, so that others could use it: chmod {remedy} it");
        return Err(wrong(&remedy));
    }
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
    if text.contains("ENCRYPTED") {
        return Err(wrong(
            "it has a passphrase: give pgmedic a copy without one (openssl pkey -in KEY -out COPY), mode 0600",
        ));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| wrong("it holds no private key in PEM"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_that_others_can_read_and_keys_with_a_passphrase_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |text: &str, mode: u32| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            private_key(file.path())
        };
        let key = "-----BEGIN PRIVATE KEY-----\nCRET\n-----END PRIVATE KEY-----\n";
        for mode in [0o644, 0o660, 0o610] {
            let why = with(key, mode).unwrap_err();
            assert!(why.contains(&format!("its mode is {mode:04o}")) && !why.contains("CRET"), "{why}");
        }
        let root = nix::unistd::geteuid().is_root();
        assert_eq!(with(key, 0o640).is_ok(), root, "0640 is for root's files only");
        for text in
            [&key.replace("PRIVATE", "ENCRYPTED PRIVATE"), "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"]
        {
            assert!(with(text, 0o600).unwrap_err().contains("has a passphrase"));
        }
        assert!(with("nothing", 0o600).unwrap_err().contains("no private key in PEM"));
        assert!(private_key(Path::new("/nowhere/k")).unwrap_err().contains("/nowhere/k"));
    }
}

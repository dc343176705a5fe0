//! TLS as libpq's `sslmode` means it.

use super::around::Around;
use super::certificate;
use crate::config::dsn::Params;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// libpq's default for the root certificates, below the user's home.
const ROOT: &str = ".postgresql/root.crt";

/// What of the server's certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: `prefer` and `require` keep listeners out, not impostors.
    Nothing,
    /// That a known authority issued it: `verify-ca`.
    Chain,
    /// That and the host name: `verify-full`.
    ChainAndName,
}

/// `sslmode`, as a list of attempts: the next one follows where TLS was the fault of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// In order.
    pub attempts: Vec<SslMode>,
    /// What is verified where TLS is spoken.
    pub verify: Verify,
}

impl Mode {
    /// From options that were checked when they were read.
    pub fn read(params: &Params, around: &Around) -> Mode {
        let system = params.get("sslrootcert") == Some("system");
        let direct = params.get("sslnegotiation") == Some("direct");
        let default = if system {
            "verify-full"
        } else if direct {
            "require"
        } else {
            "prefer"
        };
        // As libpq: `require` with a root certificate means that it is to be used.
        let has_root = || params.get("sslrootcert").is_some() || around.in_home(ROOT).exists();
        let (attempts, verify) = match params.get("sslmode").unwrap_or(default) {
            "disable" => (vec![SslMode::Disable], Verify::Nothing),
            "allow" => (vec![SslMode::Disable, SslMode::Require], Verify::Nothing),
            "require" if has_root() => (vec![SslMode::Require], Verify::Chain),
            "require" => (vec![SslMode::Require], Verify::Nothing),
            "verify-ca" => (vec![SslMode::Require], Verify::Chain),
            "verify-full" => (vec![SslMode::Require], Verify::ChainAndName),
            _ => (vec![SslMode::Prefer, SslMode::Disable], Verify::Nothing),
        };
        Mode { attempts, verify }
    }

    /// Over a Unix socket TLS is not spoken, whatever `sslmode` says: as libpq.
    pub fn none() -> Mode {
        Mode { attempts: vec![SslMode::Disable], verify: Verify::Nothing }
    }
}

/// Speaks TLS for one login. The root certificates are a file, `system`, or libpq's default
/// `~/.postgresql/root.crt`.
///
/// # Errors
/// When the certificates that are needed cannot be read.
pub fn connector(verify: Verify, params: &Params, around: &Around) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let lenient = |inner| Arc::new(Lenient { inner, algorithms: provider.signature_verification_algorithms });
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => lenient(None),
        Verify::Chain => lenient(Some(strict(params, around, &provider)?)),
        Verify::ChainAndName => strict(params, around, &provider)?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(params))
        .map_err(|e| format!("TLS is not available: {e}"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match certificate::find(params, around)? {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(certificate::resolver(identity, &provider)?)),
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = params.get("sslsni") != Some("0");
    if params.get("sslnegotiation") == Some("direct") {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

/// For a login that never speaks it: nothing is read.
///
/// # Errors
/// When TLS is not available at all.
pub fn unused() -> Result<MakeRustlsConnect, String> {
    connector(Verify::Nothing, &Params::parse("sslcertmode=disable")?, &Around::default())
}

fn versions(params: &Params) -> Vec<&'static SupportedProtocolVersion> {
    let low = params.get("ssl_min_protocol_version") != Some("TLSv1.3");
    let high = params.get("ssl_max_protocol_version") != Some("TLSv1.2");
    let all = [(high, &rustls::version::TLS13), (low, &rustls::version::TLS12)];
    all.into_iter().filter(|(spoken, _)| *spoken).map(|(_, version)| version).collect()
}

fn strict(
    params: &Params,
    around: &Around,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let roots = Arc::new(roots(params.get("sslrootcert"), around)?);
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|e| format!("the root certificates cannot be used: {e}"))
}

fn roots(root: Option<&str>, around: &Around) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    if root == Some("system") {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if store.is_empty() { Err("the system has no root certificates".to_owned()) } else { Ok(store) };
    }
    let file = root.map_or_else(|| around.in_home(ROOT), |r| around.place(r));
    let wrong = |why: &dyn std::fmt::Display| {
        format!("cannot read root certificates from {}: {why}; name a file or `system` in sslrootcert", file.display())
    };
    for certificate in CertificateDer::pem_file_iter(&file).map_err(|e| wrong(&e))? {
        store.add(certificate.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
    }
    if store.is_empty() { Err(wrong(&"it holds none")) } else { Ok(store) }
}

/// Accepts any name, and without `inner` any certificate. Signatures are verified all the same: the
/// server must own the key that it shows.
#[derive(Debug)]
struct Lenient {
    inner: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        // The name is the last thing that is looked at: with this error the chain was found good.
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

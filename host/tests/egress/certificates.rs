//! Certificates for peers: an authority that the fetcher trusts by configuration, and what it
//! signs, or does not.

use std::{io::Write, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::NamedTempFile;
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    version::{TLS12, TLS13},
};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The root in PEM, as an operator names it.
    pub file: NamedTempFile,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}", pem(root.der())).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A server with a certificate for these names and addresses.
    pub fn server(&self, names: &[&str], alpn: &[&str]) -> Arc<ServerConfig> {
        self.serve(&params(names), alpn)
    }

    /// The same, but over since long ago.
    pub fn expired_server(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut params = params(names);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.serve(&params, &[])
    }

    fn serve(&self, params: &CertificateParams, alpn: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server(certificate.der().clone(), &key, alpn)
    }
}

/// A server whose certificate is signed by itself.
pub fn self_signed_server(names: &[&str]) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = params(names).self_signed(&key).unwrap();
    server(certificate.der().clone(), &key, &[])
}

/// The server again, without TLS 1.3.
pub fn only_tls12(names: &[&str], authority: &Authority) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = params(names).signed_by(&key, &authority.issuer).unwrap();
    Arc::new(config(certificate.der().clone(), &key, false))
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).unwrap()
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair, alpn: &[&str]) -> Arc<ServerConfig> {
    let mut config = config(certificate, key, true);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair, tls13: bool) -> ServerConfig {
    let versions = if tls13 { vec![&TLS13, &TLS12] } else { vec![&TLS12] };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

fn pem(der: &[u8]) -> String {
    let lines = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

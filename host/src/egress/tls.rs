//! TLS for fetches: rustls, the system's roots and those of the configuration.
//! There is no way to accept a certificate that does not verify.

use std::{path::PathBuf, sync::Arc};

use lattice_policies::egress::Host;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, DnsName, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::EgressError;

/// The client's settings: TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1, and no memory of sessions,
/// by which one game's fetch could be told from another's.
pub(super) fn client_config(extra_roots: &[PathBuf]) -> Result<Arc<ClientConfig>, EgressError> {
    let mut roots = system_roots();
    for path in extra_roots {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        tracing::warn!("this system has no root certificates: every fetch by https will fail");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(EgressError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Whom the certificate must be for: the host of the request, by name or by address.
pub(super) fn server_name(host: &Host) -> Option<ServerName<'static>> {
    Some(match host {
        Host::Name(name) => ServerName::DnsName(DnsName::try_from(name.clone()).ok()?),
        Host::V4(address) => ServerName::IpAddress((*address).into()),
        Host::V6(address) => ServerName::IpAddress((*address).into()),
    })
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a root certificate of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn add_file(roots: &mut RootCertStore, path: &PathBuf) -> Result<(), EgressError> {
    let bad = |reason: String| EgressError::Roots { path: path.clone(), reason };
    let before = roots.len();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.len() == before {
        return Err(bad("it has no `-----BEGIN CERTIFICATE-----`".to_owned()));
    }
    Ok(())
}

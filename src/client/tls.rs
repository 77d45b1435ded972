//! TLS to whatever part of a stack asks for it. The only user of rustls.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

pub(super) use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::reach::{Identity, Pem};

/// How long a server may take to say that it wants a certificate: it does so after the handshake.
const OBJECTION: Duration = Duration::from_millis(300);

/// What of the server's certificate is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: whoever stands between can read along.
    Nothing,
    /// That one of these authorities signed it.
    Authority(Pem),
    /// That, and that it is made out to the host of the address.
    AuthorityAndHost(Pem),
    /// The same, with the authorities that the system trusts.
    System,
}

/// Why there can be no encrypted connection to anybody: a sentence without what it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unusable(String);

impl Unusable {
    fn new(what: &str, cause: impl ToString) -> Self {
        Self(format!("{what}: {}", cause.to_string()))
    }
}

/// How to encrypt. `identity` is shown to servers that ask who calls.
pub(super) fn config(
    verify: Verify,
    identity: Option<&Identity>,
) -> Result<ClientConfig, Unusable> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        needs_host: matches!(verify, Verify::AuthorityAndHost(_) | Verify::System),
        authorities: authorities(&verify, &provider)?,
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unusable::new("no version of TLS can be spoken", error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(Identity { certificate, key }) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key.0.0.as_bytes())
        .map_err(|error| Unusable::new("the private key is not one in PEM form", error))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| Unusable::new("certificate and key cannot be used together", error))
}

/// Answers handshakes, as a server that shows one certificate.
#[derive(Clone)]
pub struct Acceptor(tokio_rustls::TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    /// A server that shows this; the error says why it cannot.
    pub fn new(identity: &Identity) -> Result<Self, String> {
        Self::of(identity).map_err(|why| why.to_string())
    }

    fn of(Identity { certificate, key }: &Identity) -> Result<Self, Unusable> {
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key.0.0.as_bytes())
            .map_err(|error| Unusable::new("the private key is not one in PEM form", error))?;
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| Unusable::new("no version of TLS can be spoken", error))?
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .map_err(|error| {
                    Unusable::new("certificate and key cannot be used together", error)
                })?;
        Ok(Self(Arc::new(config).into()))
    }

    /// Shakes hands on a connection that was accepted.
    pub async fn accept<S>(&self, stream: S) -> std::io::Result<tokio_rustls::server::TlsStream<S>>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        self.0.accept(stream).await
    }
}

/// Whether a text can serve as a list of authorities.
pub(super) fn check_authorities(pem: &Pem) -> Result<(), Unusable> {
    let provider = Arc::new(ring::default_provider());
    authorities(&Verify::AuthorityAndHost(pem.clone()), &provider).map(drop)
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.0.as_bytes()).collect();
    let all = all.map_err(|error| Unusable::new("it is no PEM file", error))?;
    if all.is_empty() {
        return Err(Unusable("it holds no certificate in PEM form".to_owned()));
    }
    Ok(all)
}

fn authorities(
    verify: &Verify,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, Unusable> {
    let mut store = RootCertStore::empty();
    match verify {
        Verify::Nothing => return Ok(None),
        Verify::Authority(pem) | Verify::AuthorityAndHost(pem) => {
            for certificate in certificates(pem)? {
                store.add(certificate).map_err(|cause| {
                    Unusable::new("it holds a certificate that cannot be used", cause)
                })?;
            }
        }
        Verify::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        // A machine that trusts nobody: every certificate is then one of nobody's.
        return Err(Unusable(
            "the system trusts no authority: name one in a file of PEM certificates".to_owned(),
        ));
    }
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    verifier.build().map(Some).map_err(|error| Unusable::new("it cannot be used", error))
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    needs_host: bool,
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        match authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            // The name is looked at last: everything else has been found right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.needs_host => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Shakes hands with a server that is silent until it is asked something, and hangs up. The error is a
/// sentence.
pub(super) async fn shake_hands(
    host: &str,
    stream: TcpStream,
    config: ClientConfig,
) -> Result<(), String> {
    let told = |error: std::io::Error| refused(host, &error).unwrap_or_else(|| error.to_string());
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.map_err(told)?;
    let mut byte = [0];
    match tokio::time::timeout(OBJECTION, stream.read(&mut byte)).await {
        Ok(Err(error)) => Err(told(error)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// What a failed handshake with `host` says, if it was the handshake that failed: a sentence for
/// people, from wherever it stands among the causes of an error.
pub(super) fn refused(host: &str, error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(told) = error.downcast_ref::<Error>() {
            return Some(sentence(host, told));
        }
        // What an I/O error wraps is not among its sources, and may be another one.
        let mut wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        while let Some(inner) = wrapped {
            if let Some(told) = inner.downcast_ref::<Error>() {
                return Some(sentence(host, told));
            }
            wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        }
        cause = error.source();
    }
    None
}

fn sentence(host: &str, error: &Error) -> String {
    let Error::InvalidCertificate(certificate) = error else {
        return match error {
            Error::AlertReceived(AlertDescription::HandshakeFailure) => {
                "the server ended the handshake of TLS: it allows none of the cipher suites of today \
                 (Flink: set `security.ssl.algorithms`), or wants a certificate"
                    .to_owned()
            }
            // An old server says of no certificate that it is a bad one.
            Error::AlertReceived(
                alert @ (AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA),
            ) => format!(
                "the server wants a certificate that it trusts, under `certificate` and `key` ({alert:?})"
            ),
            Error::AlertReceived(alert) => {
                format!("the server ended the handshake of TLS: {alert:?}")
            }
            Error::InvalidMessage(_) => {
                "the server does not speak TLS there (or not as it should)".to_owned()
            }
            other => format!("the handshake of TLS failed: {other}"),
        };
    };
    match certificate {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "none of the authorities that are trusted has signed the server's certificate"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is not made out to `{host}`")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".to_owned()
        }
        other => format!("the server's certificate is refused: {other}"),
    }
}

//! TLS to a Postgres of somebody's own, as libpq's `sslmode` has it. The only user of rustls.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use camino::{Utf8Path, Utf8PathBuf};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Encrypted;

/// What of the server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: whoever stands between can read along.
    Nothing,
    /// That an authority of the file signed it.
    Authority,
    /// That, and that it is made out to the host of the URL.
    AuthorityAndHost,
}

/// Why a file is no list of authorities.
#[derive(Debug, thiserror::Error)]
#[error("sslrootcert: `{file}` {why}")]
pub(super) struct RootsError {
    file: Utf8PathBuf,
    why: String,
}

/// Opens encrypted connections.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// `roots` is the file of `sslrootcert`: certificates of authorities as PEM.
    pub(super) fn new(verify: Verify, roots: Option<&Utf8Path>) -> Result<Self, RootsError> {
        let provider = Arc::new(ring::default_provider());
        let authorities = roots.map(|file| authorities(file, &provider)).transpose()?;
        let verifier = Verifier { provider: Arc::clone(&provider), verify, authorities };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the cipher suites of the default versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
}

/// The authorities of a file.
fn authorities(
    file: &Utf8Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, RootsError> {
    let error = |why: String| RootsError { file: file.to_owned(), why };
    let text = fs_err::read(file).map_err(|cause| error(format!("cannot be read: {cause}")))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|cause| error(format!("is no PEM file: {cause}")))?;
        store
            .add(certificate)
            .map_err(|cause| error(format!("holds a certificate that cannot be used: {cause}")))?;
    }
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    verifier.build().map_err(|_| error("holds no certificate in PEM form".to_owned()))
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    verify: Verify,
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
        let (Some(authorities), Verify::Authority | Verify::AuthorityAndHost) =
            (&self.authorities, self.verify)
        else {
            return Ok(ServerCertVerified::assertion());
        };
        match authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            // The name is looked at last: everything else has been found right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.verify == Verify::Authority => Ok(ServerCertVerified::assertion()),
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

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Stream;
    type TlsConnect = Connecting;
    type Error = NoHost;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connecting, NoHost> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| NoHost(host.to_owned()))?;
        Ok(Connecting { host: host.to_owned(), name, config: Arc::clone(&self.config) })
    }
}

/// A host that no certificate can be made out to.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither a host's name nor an address")]
pub(super) struct NoHost(String);

/// A handshake that is about to begin.
pub(super) struct Connecting {
    host: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl TlsConnect<Socket> for Connecting {
    type Stream = Stream;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Refused>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let connector = TlsConnector::from(self.config);
            let stream = connector.connect(self.name, socket).await;
            stream
                .map(|stream| Stream(Box::new(stream)))
                .map_err(|error| refused(&self.host, error))
        })
    }
}

/// Why there is no encrypted connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// An authority that is not among those of the file.
    #[error("no authority in the file of sslrootcert has signed the server's certificate")]
    Authority,
    /// Another host's.
    #[error(
        "the server's certificate is not made out to `{0}` (sslmode=verify-ca does not ask for that)"
    )]
    Host(String),
    /// Too old.
    #[error("the server's certificate has expired")]
    Expired,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

fn refused(host: &str, error: io::Error) -> Refused {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Refused::Authority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Refused::Host(host.to_owned())
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Refused::Expired,
            other => Refused::Other(format!("the server's certificate is refused: {other}")),
        },
        Some(_) | None => Refused::Other(error.to_string()),
    }
}

/// An encrypted connection.
pub(super) struct Stream(Box<Encrypted<Socket>>);

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

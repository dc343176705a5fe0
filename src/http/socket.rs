//! The Unix socket: bound in the data directory, its peers known by their credentials.

use super::access::{Caller, Roles};
use super::routes;
use crate::engine::api::Control;
use axum::extract::Extension;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most peers at once; further ones wait in the kernel's queue.
const MOST_PEERS: usize = 256;
/// A request whose header is not there by then is not waited for: peers are on this machine, and one that says
/// nothing must keep nobody from `pause`, nor pgmedic from its end.
const HEADER_DEADLINE: Duration = Duration::from_secs(2);
/// How long answers under way may take once the daemon stops.
const GRACE: Duration = Duration::from_secs(9);
/// Owner and group may connect.
const MODE: u32 = 0o660;

/// Where a daemon with this data directory listens.
#[must_use]
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("pgmedic.sock")
}

/// The bound socket; its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds the socket of a data directory. One that a dead daemon left behind is removed, but only
    /// if nobody answers on it.
    ///
    /// # Errors
    /// Another daemon answers on it, or the directory does not allow it.
    pub fn bind(data_dir: &Path) -> io::Result<Socket> {
        let path = socket_path(data_dir);
        Ok(Socket { listener: bind(&path)?, path })
    }

    /// Serves the API until `stop`; answers under way then get 9 s to end. `roles` may change meanwhile.
    pub async fn serve(self, control: Arc<dyn Control>, roles: watch::Receiver<Roles>, stop: CancellationToken) {
        let router = routes::router(control);
        let peers = TaskTracker::new();
        let places = Arc::new(Semaphore::new(MOST_PEERS));
        while let Some(stream) = next(&self.listener, &stop).await {
            // The semaphore is never closed, so a place always comes.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let (router, roles, stop) = (router.clone(), roles.borrow().clone(), stop.clone());
            peers.spawn(async move {
                if let Err(error) = converse(stream, router, roles, stop).await {
                    tracing::debug!(%error, "a peer of the socket left early");
                }
                drop(place);
            });
        }
        // From here on a new daemon may bind its own.
        drop(self);
        peers.close();
        if tokio::time::timeout(GRACE, peers.wait()).await.is_err() {
            tracing::warn!("{} requests were still under way after {} s", peers.len(), GRACE.as_secs());
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Left behind, it is recognised as dead by the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn next(listener: &UnixListener, stop: &CancellationToken) -> Option<UnixStream> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                // Out of file descriptors, mostly: passes by itself, and must not spin.
                tracing::warn!(%error, "the socket cannot accept a peer");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse(
    stream: UnixStream,
    router: axum::Router,
    roles: Roles,
    stop: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let uid = stream.peer_cred()?.uid();
    let caller = tokio::task::spawn_blocking(move || Caller::of_uid(uid, &roles)).await?;
    let service = TowerToHyperService::new(router.layer(Extension(caller)));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Ok(meta) = std::fs::symlink_metadata(path) {
        if !meta.file_type().is_socket() {
            let message = format!("{} is in the way: it is not a socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        match StdStream::connect(path) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            Ok(_) => {
                let message = format!("another pgmedic answers on {}", path.display());
                return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
            }
            Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
        }
    }
    let listener = UnixListener::bind(path)
        .map_err(|e| io::Error::new(e.kind(), format!("the socket {} cannot be made: {e}", path.display())))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
    Ok(listener)
}

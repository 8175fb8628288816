//! Listening, and the server's life from its start to its end.
//!
//! May use the connections and the shared state. Invariant: the store is closed after the last connection, or after patience with it
//! has run out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use super::connection::Connection;
use super::health::Watchman;
use super::notices::Letters;
use super::session::Session;
use super::shared::Shared;
use super::socket::Socket;
use super::{ServerError, ServerOptions};
use crate::Store;

/// Connections that may wait to be accepted, as in Redis.
const BACKLOG: u32 = 511;

/// How long accepting pauses when it fails, as it does when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    tcp: Vec<TcpListener>,
    unix: Option<UnixListener>,
    metrics: Option<TcpListener>,
    runtime: tokio::runtime::Runtime,
}

/// Stops a server from elsewhere.
#[derive(Clone, Debug)]
pub struct Stopper {
    stop: watch::Sender<bool>,
}

impl Stopper {
    /// Lets the server end: it accepts nobody any more, does what it has read, sends its replies and closes the store.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Server {
    /// Listens in front of `store`, whose directory is told to clients that ask.
    ///
    /// # Errors
    /// The options are refused, or an address cannot be taken.
    pub fn bind(store: Store, directory: &Path, options: ServerOptions) -> Result<Self, ServerError> {
        options.validate()?;
        let failed = |what: &str, error: std::io::Error| ServerError::new(format!("{what}: {error}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("windrow-serve")
            .enable_all()
            .build()
            .map_err(|error| failed("cannot start threads", error))?;
        let _inside = runtime.enter();
        let mut tcp = Vec::new();
        let mut port = options.port;
        for address in options.bind.iter().filter(|_| options.port.is_some()) {
            let address = SocketAddr::new(*address, port.unwrap_or(0));
            let listener = listen(address).map_err(|error| failed(&format!("cannot listen at {address}"), error))?;
            // All addresses get the port that the system chose for the first.
            port = listener.local_addr().ok().map(|address| address.port()).or(port);
            tcp.push(listener);
        }
        let unix = options.unix.as_deref().map(|path| {
            listen_unix(path).map_err(|error| failed(&format!("cannot listen at {}", path.display()), error))
        });
        let unix = unix.transpose()?;
        let metrics = options.metrics_port.map(|port| {
            let address = SocketAddr::new(options.metrics_bind, port);
            listen(address).map_err(|error| failed(&format!("cannot tell metrics at {address}"), error))
        });
        let metrics = metrics.transpose()?;
        let letters = Letters::read(&options.notify_keyspace_events).map_err(ServerError::new)?;
        let shared = Arc::new(Shared::new(store, directory.display().to_string(), options, port));
        shared.settings.lock().letters = letters;
        let told = shared.notices.follow(&shared);
        told.map_err(|error| ServerError::new(format!("cannot subscribe to events: {error}")))?;
        Ok(Self { shared, tcp, unix, metrics, runtime })
    }

    /// The port that it listens at.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.shared.port
    }

    /// The port at which it tells metrics.
    #[must_use]
    pub fn metrics_port(&self) -> Option<u16> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok()).map(|address| address.port())
    }

    /// Returns what stops it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { stop: self.shared.stop.clone() }
    }

    /// Stops it on SIGTERM and SIGINT.
    ///
    /// # Errors
    /// The signals cannot be listened to.
    pub fn stop_on_signals(&self) -> Result<(), ServerError> {
        use tokio::signal::unix::{SignalKind, signal};
        let _inside = self.runtime.enter();
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let mut stream =
                signal(kind).map_err(|error| ServerError::new(format!("cannot listen to signals: {error}")))?;
            let stopper = self.stopper();
            self.runtime.spawn(async move {
                stream.recv().await;
                tracing::info!("a signal stops the server");
                stopper.stop();
            });
        }
        Ok(())
    }

    /// Serves until it is stopped, then closes the store.
    ///
    /// # Errors
    /// The store does not close.
    pub fn run(self) -> crate::Result<()> {
        let Self { shared, tcp, unix, metrics, runtime } = self;
        let failed = |error| crate::Error::io("cannot start a thread", error);
        let watchman = Watchman::start(Arc::clone(&shared)).map_err(failed)?;
        runtime.block_on(async {
            let (alive, mut ended) = mpsc::channel::<()>(1);
            let mut tasks = Vec::new();
            for listener in tcp {
                tasks.push(tokio::spawn(accept_tcp(Arc::clone(&shared), listener, alive.clone())));
            }
            if let Some(listener) = unix {
                tasks.push(tokio::spawn(accept_unix(Arc::clone(&shared), listener, alive.clone())));
            }
            drop(alive);
            let notices = Arc::clone(&shared);
            tasks.push(tokio::spawn(async move { notices.notices.watch(&notices).await }));
            if let Some(listener) = metrics {
                tasks.push(tokio::spawn(super::scrape::serve(Arc::clone(&shared), listener)));
            }
            let mut stop = shared.stop.subscribe();
            // The sender lives in `shared`, so this cannot fail.
            let _ = stop.wait_for(|stop| *stop).await;
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            // Nobody sends: this ends when the last connection has dropped its sender.
            if tokio::time::timeout(shared.options.stop_patience, ended.recv()).await.is_err() {
                tracing::warn!("{} clients did not take their replies in time", shared.clients.count());
            }
        });
        if let Some(path) = &shared.options.unix {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
        watchman.stop();
        shared.store.clone().close()
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens at a path, for its owner alone. What a server left there that is gone is replaced.
fn listen_unix(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(std::io::ErrorKind::AddrInUse.into());
    }
    let is_left_over = std::fs::symlink_metadata(path)
        .is_ok_and(|found| std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()));
    if is_left_over {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    Ok(listener)
}

async fn accept_tcp(shared: Arc<Shared>, listener: TcpListener, alive: mpsc::Sender<()>) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => welcome_tcp(&shared, stream, address, &alive),
            Err(error) => pause(error).await,
        }
    }
}

async fn accept_unix(shared: Arc<Shared>, listener: UnixListener, alive: mpsc::Sender<()>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => welcome_unix(&shared, stream, &alive),
            Err(error) => pause(error).await,
        }
    }
}

async fn pause(error: std::io::Error) {
    tracing::warn!(%error, "a connection cannot be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

fn welcome_tcp(shared: &Arc<Shared>, stream: TcpStream, address: SocketAddr, alive: &mpsc::Sender<()>) {
    // WHY: replies are small, and a client waits for each. If it fails, they are only slower.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().map(|local| local.to_string()).unwrap_or_default();
    welcome(shared, Socket::Tcp(stream), address.to_string(), local, alive);
}

fn welcome_unix(shared: &Arc<Shared>, stream: UnixStream, alive: &mpsc::Sender<()>) {
    let path = shared.options.unix.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    welcome(shared, Socket::Unix(stream), format!("{path}:0"), format!("{path}:0"), alive);
}

fn welcome(shared: &Arc<Shared>, socket: Socket, address: String, local: String, alive: &mpsc::Sender<()>) {
    if shared.clients.count() >= shared.settings.lock().max_clients {
        shared.refused_clients.fetch_add(1, Ordering::Relaxed);
        // As far as it goes; the client is sent away in any case.
        let _ = socket.try_write(b"-ERR max number of clients reached\r\n");
        return;
    }
    let me = shared.clients.enter(address, local, socket.kind());
    let connection = Connection::new(socket, Session::new(Arc::clone(shared), me));
    let alive = alive.clone();
    tokio::spawn(async move {
        connection.serve().await;
        drop(alive);
    });
}

//! A TCP proxy of our own: it can stand still, and close the server's side only.

use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to a server that can be cut.
pub struct Proxy {
    port: u16,
    cuts: Arc<watch::Sender<Cuts>>,
}

/// Connections are numbered by how often the way was mended before.
#[derive(Clone, Copy, Debug, Default)]
struct Cuts {
    /// Of connections that are opened now.
    epoch: u32,
    /// Nothing goes through in connections of earlier epochs, and of this one either if so.
    still: bool,
    /// The server has noticed for connections of epochs before this one.
    noticed: u32,
}

impl Proxy {
    /// Starts one before a port on 127.0.0.1.
    pub async fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let cuts = Arc::new(watch::Sender::new(Cuts::default()));
        let watched = cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server, watched.subscribe()));
            }
        });
        Proxy { port, cuts }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing goes through, in no connection, old or new, and neither side is told: a network that
    /// drops everything.
    pub fn stall(&self) {
        self.cuts.send_modify(|cuts| cuts.still = true);
    }

    /// What a server does when nobody answers its keepalives: it closes its side of every connection that was cut.
    /// The client hears nothing of it.
    pub fn server_notices(&self) {
        self.cuts.send_modify(|cuts| cuts.noticed = cuts.epoch + u32::from(cuts.still));
    }

    /// New connections go through again; those that were cut stay so.
    pub fn mend(&self) {
        self.cuts.send_modify(|cuts| {
            cuts.epoch += 1;
            cuts.still = false;
        });
    }
}

async fn serve(mut client: TcpStream, server: u16, mut cuts: watch::Receiver<Cuts>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let epoch = cuts.borrow().epoch;
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        _ = cuts.wait_for(|c| c.still || c.epoch > epoch) => {}
    }
    // Both ends are open, and nobody reads them.
    drop(cuts.wait_for(|c| c.noticed > epoch).await.map(|_| ()));
    drop(server);
    std::future::pending::<()>().await;
}

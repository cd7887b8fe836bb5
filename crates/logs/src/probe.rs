//! Whether a collector is at work: for health checks, without a port of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Asks the collector at `address` whether it writes, and waits for so long.
///
/// It connects, sends nothing, and waits until the collector ends the connection, which it does when its writer has
/// written all that came before. A collector whose disk is full does not.
///
/// `address` is what the collector listens on; all addresses mean this host.
pub async fn probe(address: SocketAddr, patience: Duration) -> io::Result<()> {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let asked = async {
        let mut stream = TcpStream::connect((ip, address.port())).await?;
        stream.shutdown().await?;
        stream.read(&mut [0]).await
    };
    match timeout(patience, asked).await {
        Ok(answer) => answer.map(|_ended| ()),
        Err(_elapsed) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the collector takes connections but does not write; its disk may be full",
        )),
    }
}

//! Connections from outside, from their acceptance to their end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;
use web::Shutdown;

use crate::answer::Answer;
use crate::exchange::Client;
use crate::framing::Watched;
use crate::front::{Front, State};
use crate::handler;
use crate::intake::Origin;
use crate::pulse::{Limits, Pulse, Verdict};
use crate::socket::Socket;
use crate::tls;
use crate::upstream::BUFFER;

/// After an error that hits every connection, such as too many open files.
const BREATH: Duration = Duration::from_millis(100);
/// Encrypted bytes that wait for the socket: a piece of a file in one write.
const TLS_BUFFER: usize = 256 * 1024;
/// What one HTTP/2 client may send before it is read: of one stream, of all.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const STREAMS: u32 = 128;

/// Takes connections of one address until `door` closes or the process ends.
pub(crate) async fn accept(
    front: Arc<Front>,
    socket: TcpListener,
    address: SocketAddr,
    door: Shutdown,
    stop: Shutdown,
) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.triggered() => return,
            () = door.triggered() => return,
        };
        match accepted {
            Ok((tcp, peer)) => admit(&front, tcp, peer, address, &door),
            Err(error) => {
                tracing::warn!(%address, %error, "cannot accept a connection");
                sleep(BREATH).await;
            }
        }
    }
}

fn admit(
    front: &Arc<Front>,
    tcp: TcpStream,
    peer: SocketAddr,
    address: SocketAddr,
    door: &Shutdown,
) {
    let place = Place::take(front);
    if front.open.load(Ordering::Relaxed) > front.state.load().config.max_connections {
        tracing::warn!(%peer, "a connection is refused: worker_connections are not enough");
        return;
    }
    let (front, door) = (Arc::clone(front), door.clone());
    let connections = front.connections.clone();
    let served = async move {
        let _place = place;
        Box::pin(serve(&front, tcp, peer, address, &door)).await;
    };
    drop(web::tasks::spawn(&connections, "connection", served));
}

/// Counts a connection.
struct Place(Arc<Front>);

impl Place {
    fn take(front: &Arc<Front>) -> Self {
        front.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(front))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve(
    front: &Arc<Front>,
    tcp: TcpStream,
    peer: SocketAddr,
    address: SocketAddr,
    door: &Shutdown,
) {
    let state = front.state.load_full();
    let (Ok(local), Ok(()), Some(listen)) =
        (tcp.local_addr(), tcp.set_nodelay(true), state.listen(address))
    else {
        return;
    };
    let client = listen.default.scope.client.clone();
    let pulse =
        Pulse::new(Limits { head: client.header_timeout, idle: client.keepalive, send: None });
    let mut socket = Socket::new(tcp, client.send_timeout, Some(pulse.clone()));
    let number = front.numbers.fetch_add(1, Ordering::Relaxed) + 1;
    let mut facts = Client { peer, local, tls: None, outlet: None, number };
    let Some(acceptor) = state.acceptor(address).cloned() else {
        facts.outlet = Some(socket.outlet());
        let talk = Talk::new(front, state, address, facts, pulse);
        return talk.http1(socket, door).await;
    };
    let Some(mut stream) = shake(front, acceptor.accept(socket), client.header_timeout, peer).await
    else {
        return;
    };
    let (_, connection) = stream.get_mut();
    connection.set_buffer_limit(Some(TLS_BUFFER));
    facts.tls = Some(tls::facts(connection));
    let http2 = connection.alpn_protocol() == Some(b"h2");
    let talk = Talk::new(front, state, address, facts, pulse);
    if http2 { talk.http2(stream, door).await } else { talk.http1(stream, door).await }
}

async fn shake(
    front: &Front,
    handshake: Accept<Socket>,
    limit: Duration,
    peer: SocketAddr,
) -> Option<TlsStream<Socket>> {
    let shaken = tokio::select! {
        shaken = timeout(limit, handshake) => shaken,
        () = front.connections.triggered() => return None,
    };
    let failure = match shaken {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => "it took too long".to_owned(),
    };
    tracing::debug!(%peer, failure, "a TLS handshake failed");
    None
}

/// A connection that speaks HTTP.
#[derive(Clone)]
struct Talk {
    front: Arc<Front>,
    /// In force when the connection was made; still so for it when its address is gone from the configuration.
    state: Arc<State>,
    address: SocketAddr,
    client: Arc<Client>,
    pulse: Pulse,
}

impl Talk {
    fn new(
        front: &Arc<Front>,
        state: Arc<State>,
        address: SocketAddr,
        client: Client,
        pulse: Pulse,
    ) -> Self {
        Self { front: Arc::clone(front), state, address, client: Arc::new(client), pulse }
    }

    async fn http1<I>(self, io: I, door: &Shutdown)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(listen) = self.state.listen(self.address) else { return };
        let client = &listen.default.scope.client;
        let talk = self.clone();
        let service = service_fn(move |request| talk.clone().answer(request));
        let watched = Watched::new(io, self.pulse.clone(), client.max_head);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The pulse does it, and tells an idle connection from a slow head.
            .header_read_timeout(None)
            .keep_alive(!client.keepalive.is_zero())
            // Slices are written as they are: the outlet knows stand-ins by their address.
            .writev(true)
            .max_buf_size(BUFFER.max(client.max_head))
            .max_header_size(client.max_head)
            .serve_connection(TokioIo::new(watched), service);
        self.attend(connection, door).await;
    }

    async fn http2<I>(self, io: I, door: &Shutdown)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(listen) = self.state.listen(self.address) else { return };
        let client = &listen.default.scope.client;
        let max_head = client.max_head;
        self.pulse.limit_sends(client.send_timeout);
        let talk = self.clone();
        let service = service_fn(move |request| talk.clone().answer(request));
        let tasks = Tasks(self.front.connections.clone());
        let connection = http2::Builder::new(tasks)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(STREAMS)
            .max_send_buf_size(BUFFER)
            .max_header_list_size(u32::try_from(max_head).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(60))
            .serve_connection(TokioIo::new(io), service);
        self.attend(connection, door).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        let current = self.front.state.load_full();
        let found = current.listen(self.address).map(|listen| (&current, listen));
        let found = found.or_else(|| Some((&self.state, self.state.listen(self.address)?)));
        let Some((state, listen)) = found else {
            // Its own configuration has its address.
            return std::future::pending().await;
        };
        let origin = Origin {
            config: &state.config,
            listen,
            client: &self.client,
            logs: &self.front.logs,
            busy: self.pulse.request(),
        };
        Ok(handler::answer(request, origin, &self.front.upstreams).await)
    }

    fn ended(&self, ended: hyper::Result<()>) {
        if let Err(error) = ended {
            let peer = self.client.peer;
            tracing::debug!(%peer, error = %web::chain(&error), "a connection broke");
        }
    }

    /// Drives a connection, and ends it when it is idle or slow, when its address is closed or the process ends.
    async fn attend<C>(self, connection: C, door: &Shutdown)
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let front = &self.front;
        let mut connection = pin!(connection);
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut closing = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    return self.ended(ended);
                }
                () = timer.as_mut(), if !closing => match self.pulse.verdict() {
                    Verdict::Wait(until) => timer.as_mut().reset(until.into()),
                    Verdict::Idle => closing = true,
                    Verdict::Slow => return,
                },
                () = front.connections.triggered(), if !closing => closing = true,
                () = door.triggered(), if !closing => closing = true,
                () = front.cut.triggered() => return,
            }
            if closing {
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Where HTTP/2 runs its streams.
#[derive(Clone)]
struct Tasks(Shutdown);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        drop(web::tasks::spawn(&self.0, "stream", future));
    }
}

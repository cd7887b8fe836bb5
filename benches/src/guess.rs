//! `load guess`: a flood of wrong passwords, beside which `load run` measures what pulls take.
//!
//! From one address the server soon knows better than to check them. With `--addresses` the flood comes from many hosts
//! (of 127.0.0.0/8), each with a few guesses, which is what keeps its hashers busy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::net::{AddressFamily, SocketType};

use crate::arguments::GuessArguments;
use crate::http::{Address, read_answer};

/// Guesses of one address; the server lets a host fail more often than that before it makes it wait.
const EACH: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(60);

/// How many answers had which status.
type Counts = BTreeMap<u16, u64>;

pub(crate) fn flood(arguments: &GuessArguments) -> Result<()> {
    let address = Address::parse(&arguments.target)?;
    let target = (address.host(), address.port()?).to_socket_addrs()?.find(SocketAddr::is_ipv4);
    let target = target.with_context(|| format!("{} is no address of IPv4", arguments.target))?;
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(arguments.seconds.max(0.0));
    let flood = Flood { target, host: &address.authority, addresses: arguments.addresses, end };
    let counts = thread::scope(|scope| {
        let handles: Vec<_> = (0..arguments.connections)
            .map(|number| scope.spawn(move || flood.one(number)))
            .collect();
        let mut all = Counts::new();
        for handle in handles {
            let Ok(counts) = handle.join() else { bail!("a thread panicked") };
            for (status, count) in counts? {
                *all.entry(status).or_default() += count;
            }
        }
        Ok(all)
    })?;
    tell(&counts, began.elapsed())
}

#[derive(Clone, Copy)]
struct Flood<'a> {
    target: SocketAddr,
    host: &'a str,
    addresses: u32,
    end: Instant,
}

impl Flood<'_> {
    /// One connection after another, each with guesses until its address has had its share.
    fn one(&self, number: u32) -> Result<Counts> {
        let (mut counts, mut guess) = (Counts::new(), 0_u64);
        let mut scratch = Vec::new();
        while Instant::now() < self.end {
            let mut stream = BufReader::new(self.dial(number, guess / EACH)?);
            for _ in 0..EACH {
                if Instant::now() >= self.end {
                    break;
                }
                let request = self.request(number, guess);
                guess += 1;
                stream.get_mut().write_all(request.as_bytes())?;
                let (status, goes_on) = read_answer(&mut stream, &mut scratch)?;
                *counts.entry(status).or_default() += 1;
                if !goes_on {
                    break;
                }
            }
        }
        Ok(counts)
    }

    /// A name of its own for each guess: nobody's, of whom the server must not tell that there is none.
    fn request(&self, number: u32, guess: u64) -> String {
        let credentials =
            STANDARD.encode(format!("nobody-{number}-{guess}:Wrong-Password-{guess}"));
        let host = self.host;
        format!(
            "GET /service/token?service=harbor-registry HTTP/1.1\r\nHost: {host}\r\nUser-Agent: load\r\n\
            Authorization: Basic {credentials}\r\n\r\n"
        )
    }

    fn dial(&self, number: u32, turn: u64) -> Result<TcpStream> {
        let stream = if self.addresses == 0 {
            TcpStream::connect(self.target)?
        } else {
            let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
            rustix::net::bind(&socket, &SocketAddrV4::new(self.source(number, turn), 0))?;
            rustix::net::connect(&socket, &self.target)
                .with_context(|| format!("cannot connect to {}", self.target))?;
            TcpStream::from(socket)
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// One of the loopback network's addresses.
    fn source(&self, number: u32, turn: u64) -> Ipv4Addr {
        let turn = u32::try_from(turn % u64::from(u32::MAX)).unwrap_or_default();
        let place = turn.wrapping_mul(64).wrapping_add(number) % self.addresses.max(1);
        Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + place)
    }
}

fn tell(counts: &Counts, took: Duration) -> Result<()> {
    let all: u64 = counts.values().sum();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let rate = all as f64 / took.as_secs_f64().max(f64::EPSILON);
    let mut line = format!("{all} wrong passwords, {rate:.0} a second;");
    for (status, count) in counts {
        write!(line, " {status}: {count}")?;
    }
    writeln!(io::stdout(), "{line}").context("cannot write to stdout")
}

//! Events on their way to receivers outside: each receiver has a task that tells it what waits for it, in order.
//!
//! ```text
//! claim ─► waiting ─► send, one by one ─► delivered ─► …
//! ```
//!
//! An event is gone from the database when its receiver has taken it, and is sent again otherwise, for ever: after a
//! restart, after a kill, after weeks. Only so many wait ([`MOST`]); of more the oldest are given up, which the log and a
//! counter tell. Of several processes on one database one tells a receiver, by a claim that it renews.

mod breaker;
mod envelope;

use std::sync::Arc;
use std::time::Duration;

use domain::events::{self, Receiver, Waiting};
use domain::{Clock, Db, Timestamp};
use metrics::{counter, gauge};
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;
use web::client::{self, Client, Method};
use web::{Shutdown, chain, tasks};

use breaker::Breaker;

/// Events that wait for one receiver at the most: about a hundred megabytes.
pub const MOST: u32 = 100_000;
/// Events that are sent before they are noted as delivered: as many are sent twice, if the process is killed then.
const BATCH: u32 = 16;
/// How long others wait for a process that died.
const CLAIM: Duration = Duration::from_secs(30);
/// What a request has left when the process ends.
const GRACE: Duration = Duration::from_millis(500);
/// Between two looks at what other processes noted, and after the database was away.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at how much waits, and whether that is too much.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// What nobody delivered for so long is given up, where several processes may each know other receivers.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Where events go, and how patiently.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub receiver: Receiver,
    pub url: Url,
    /// Added to each request, such as its credentials.
    pub headers: Vec<(String, String)>,
    /// For one request and its answer.
    pub timeout: Duration,
    /// Failures in a row after which there is a pause before each try.
    pub threshold: u32,
    pub backoff: Duration,
}

/// What deliveries work with.
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub endpoints: Vec<Endpoint>,
    /// Whether no other process uses the database: what is not known here is known nowhere, and who held a claim is dead.
    pub exclusive: bool,
    /// Changes when there is something to deliver.
    pub arrivals: watch::Receiver<()>,
}

/// One endpoint's task.
struct Delivery {
    db: Db,
    clock: Clock,
    client: Client,
    endpoint: Endpoint,
    holder: Arc<str>,
    breaker: Breaker,
    arrivals: watch::Receiver<()>,
    tidied: Option<Timestamp>,
    held_until: Timestamp,
}

/// What one round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// There may be more.
    Delivered,
    Nothing,
    Refused,
}

/// Gives up what waits for nobody, and starts a task for each endpoint; they end when `stop` comes.
pub async fn start(app: App, stop: &Shutdown) -> anyhow::Result<()> {
    let abandoned = prepare(&app).await?;
    if abandoned > 0 {
        tracing::warn!(
            events = abandoned,
            "events that waited for endpoints that are no longer named are given up"
        );
    }
    let longest = app.endpoints.iter().map(|endpoint| endpoint.timeout).max().unwrap_or_default();
    // An operator names the endpoints, wherever they are. A redirect would turn the event into a question.
    let settings = client::Settings { redirects: false, ..client::Settings::neighbours() };
    let read_timeout = settings.read_timeout.max(longest);
    let client = Client::new(client::Settings { read_timeout, ..settings })?;
    let holder: Arc<str> = Uuid::new_v4().to_string().into();
    for endpoint in app.endpoints {
        let delivery = Delivery {
            db: app.db.clone(),
            clock: app.clock.clone(),
            client: client.clone(),
            breaker: Breaker::new(endpoint.threshold, endpoint.backoff),
            endpoint,
            holder: Arc::clone(&holder),
            arrivals: app.arrivals.clone(),
            tidied: None,
            held_until: Timestamp::default(),
        };
        tasks::spawn(stop, "notifications", delivery.run(stop.clone()));
    }
    Ok(())
}

async fn prepare(app: &App) -> domain::Result<u64> {
    let now = app.clock.now();
    let known: Vec<&str> =
        app.endpoints.iter().map(|endpoint| endpoint.receiver.name.as_str()).collect();
    let mut tx = app.db.begin().await?;
    let since = if app.exclusive {
        events::expire(&mut tx, now).await?;
        // Whatever a clock that was wrong has written.
        Timestamp::from_micros(i64::MAX)
    } else {
        now.minus(ABANDONED)
    };
    let abandoned = events::forget(&mut tx, &known, since).await?;
    tx.commit_aside().await?;
    Ok(abandoned)
}

impl Delivery {
    async fn run(mut self, stop: Shutdown) {
        while !stop.is_triggered() {
            let Some(pause) = self.next(&stop).await else { continue };
            let is_idle = !self.breaker.is_failing();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.triggered() => {}
                // Once nobody is left who notes anything, there is only the look.
                Ok(()) = self.arrivals.changed(), if is_idle => {}
            }
        }
        self.let_others().await;
    }

    /// A round, and how long to wait after it, if at all.
    async fn next(&mut self, stop: &Shutdown) -> Option<Duration> {
        match self.round(stop).await {
            Ok(Round::Delivered) => None,
            Ok(Round::Nothing) => Some(LOOK_EVERY),
            Ok(Round::Refused) => Some(self.breaker.pause()),
            Err(error) => {
                let endpoint = self.name();
                tracing::warn!(endpoint, error = %chain(&error), "notifications wait for the database");
                Some(LOOK_EVERY)
            }
        }
    }

    /// Tells what waits, at most a batch of it.
    async fn round(&mut self, stop: &Shutdown) -> domain::Result<Round> {
        self.tidy().await?;
        // Before the look: what arrives from here on is another change.
        self.arrivals.borrow_and_update();
        let mut waiting = events::waiting(&self.db, self.name(), BATCH).await?;
        if waiting.is_empty() {
            return Ok(Round::Nothing);
        }
        if self.must_claim() {
            if !self.claim().await? {
                return Ok(Round::Nothing);
            }
            // Until now another process may have delivered it.
            waiting = events::waiting(&self.db, self.name(), BATCH).await?;
        }
        let (mut delivered, mut round) = (Vec::new(), Round::Delivered);
        for event in &waiting {
            if stop.is_triggered()
                || self.clock.now() >= self.held_until.minus(self.endpoint.timeout)
            {
                break;
            }
            let taken = tokio::select! {
                taken = self.send(event) => taken,
                // It is sent again after the start; what was delivered before it is not.
                () = end(stop) => break,
            };
            if !taken {
                round = Round::Refused;
                break;
            }
            delivered.push(event.row);
        }
        self.note(&delivered).await?;
        Ok(round)
    }

    /// Whether the claim ends soon, if there is one.
    fn must_claim(&self) -> bool {
        self.held_until <= self.clock.now().plus(CLAIM / 2 + self.endpoint.timeout)
    }

    /// Whether this process is the one that tells the receiver.
    async fn claim(&mut self) -> domain::Result<bool> {
        let now = self.clock.now();
        let until = now.plus(CLAIM + self.endpoint.timeout);
        let mut tx = self.db.begin().await?;
        let held = events::claim(&mut tx, self.name(), &self.holder, until, now).await?;
        tx.commit_aside().await?;
        if held {
            self.held_until = until;
        }
        Ok(held)
    }

    async fn note(&self, delivered: &[i64]) -> domain::Result<()> {
        if delivered.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        events::delivered(&mut tx, delivered).await?;
        tx.commit_aside().await?;
        let count = f64::from(u32::try_from(delivered.len()).unwrap_or(u32::MAX));
        gauge!("registry_notifications_pending_total", "endpoint" => self.name().to_owned())
            .decrement(count);
        Ok(())
    }

    /// Whether the endpoint took the event.
    async fn send(&mut self, waiting: &Waiting) -> bool {
        let failure = match self.post(waiting).await {
            Ok(status) => {
                let told = status.to_string();
                self.count_status(&told);
                // As distribution: a redirect that leads nowhere is an answer.
                let refused = !status.is_success();
                refused.then(|| ("Failures", format!("it answered {told}")))
            }
            Err(error) => Some(("Errors", chain(&error).to_string())),
        };
        match &failure {
            None => self.succeeded(),
            Some((kind, reason)) => self.failed(kind, reason),
        }
        failure.is_none()
    }

    fn succeeded(&mut self) {
        self.count("Successes", 1);
        if self.breaker.succeeded() {
            tracing::info!(endpoint = self.name(), "the endpoint takes notifications again");
        }
    }

    fn failed(&mut self, kind: &'static str, reason: &str) {
        self.count(kind, 1);
        if self.breaker.failed() {
            warn_of(self.name(), reason);
        } else {
            tracing::debug!(endpoint = self.name(), reason, "a notification was not taken");
        }
    }

    async fn post(&self, waiting: &Waiting) -> Result<client::StatusCode, client::Error> {
        let endpoint = &self.endpoint;
        let mut request = self.client.request(Method::POST, endpoint.url.clone())?;
        request = request.timeout(endpoint.timeout).body(envelope::of(&waiting.event));
        let named =
            |name: &str| endpoint.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !named("content-type") {
            request = request.header("content-type", envelope::MEDIA_TYPE);
        }
        for (name, value) in &endpoint.headers {
            request = request.header(name, value);
        }
        // The URL may have a secret in it.
        let answer =
            request.send().await.map_err(|error| client::Error::Request(error.without_url()))?;
        let status = answer.status();
        // Read to its end, so that the connection serves the next one.
        client::collect(answer, 64 * 1024).await.map(drop).or_else(|error| match error {
            client::Error::TooLarge { .. } => Ok(()),
            error => Err(error),
        })?;
        Ok(status)
    }

    /// Gives up what is too much, and tells how much waits.
    async fn tidy(&mut self) -> domain::Result<()> {
        let now = self.clock.now();
        if self.tidied.is_some_and(|tidied| now.since(tidied) < TIDY_EVERY) {
            return Ok(());
        }
        self.tidied = Some(now);
        let mut waits = events::waits(&self.db, self.name()).await?;
        if waits > i64::from(MOST) {
            let mut tx = self.db.begin().await?;
            let lost = events::retain(&mut tx, self.name(), MOST).await?;
            tx.commit_aside().await?;
            tracing::warn!(
                endpoint = self.name(),
                events = lost,
                "more notifications wait than are kept: the oldest are given up"
            );
            self.count("Dropped", lost);
            waits = i64::from(MOST);
        }
        let waits = f64::from(u32::try_from(waits).unwrap_or(u32::MAX));
        gauge!("registry_notifications_pending_total", "endpoint" => self.name().to_owned())
            .set(waits);
        Ok(())
    }

    async fn let_others(&self) {
        let now = self.clock.now();
        let released = async {
            let mut tx = self.db.begin().await?;
            events::release(&mut tx, &self.holder, now).await?;
            tx.commit_aside().await
        };
        if let Err(error) = released.await {
            tracing::debug!(error = %chain(&error), "another process waits until the claim has run out");
        }
    }

    fn name(&self) -> &str {
        &self.endpoint.receiver.name
    }

    fn count(&self, kind: &'static str, events: u64) {
        counter!("registry_notifications_events_total", "type" => kind, "endpoint" => self.name().to_owned())
            .increment(events);
    }

    fn count_status(&self, told: &str) {
        counter!("registry_notifications_status_total", "code" => told.to_owned(), "endpoint" => self.name().to_owned())
            .increment(1);
    }
}

/// The end, and the time that a request in flight has then.
async fn end(stop: &Shutdown) {
    stop.triggered().await;
    tokio::time::sleep(GRACE).await;
}

fn warn_of(endpoint: &str, reason: &str) {
    tracing::warn!(
        endpoint,
        reason,
        "the endpoint takes no notifications: they are kept and sent again"
    );
}

#[cfg(test)]
mod tests;

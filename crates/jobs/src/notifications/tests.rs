//! Deliveries to a receiver that answers as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::events::{self, Action, Event, Receiver, Request, Source, Target};
use domain::testing::{each_engine, now, sqlite};
use domain::{Clock, Db};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;
use web::Shutdown;

use super::{App, Endpoint, start};

const PATIENCE: Duration = Duration::from_secs(20);

/// Takes requests; answers the statuses that it was given, then 200.
#[derive(Clone)]
struct Listening {
    port: u16,
    answers: Arc<Mutex<VecDeque<u16>>>,
    /// What came, with what was answered.
    got: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Listening {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = Self {
            port: listener.local_addr().unwrap().port(),
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            got: Arc::default(),
        };
        let serving = listening.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.answer(stream).await;
            }
        });
        listening
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut text = Vec::new();
        // The envelope ends its request.
        while !text.ends_with(b"   ]\n}") {
            if stream.read_buf(&mut text).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(200);
        let answer =
            format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        self.got.lock().unwrap().push((String::from_utf8(text).unwrap(), status));
    }

    /// The tags of the events that were sent, once there are so many, and what each was answered.
    async fn got(&self, count: usize) -> Vec<(String, u16)> {
        let all = async {
            while self.got.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("as many as the test waits for");
        let tag =
            |text: &str| text.split('"').skip_while(|it| *it != "tag").nth(2).unwrap().to_owned();
        self.got.lock().unwrap().iter().map(|(text, status)| (tag(text), *status)).collect()
    }

    fn endpoint(&self, name: &str) -> Endpoint {
        Endpoint {
            receiver: Receiver { name: name.to_owned(), ..Receiver::default() },
            url: format!("http://127.0.0.1:{}/events", self.port).parse().unwrap(),
            headers: vec![("Authorization".to_owned(), "Bearer x".to_owned())],
            timeout: Duration::from_secs(5),
            threshold: 2,
            backoff: Duration::from_millis(20),
        }
    }
}

async fn note(db: &Db, receiver: &str, tags: &[&str]) {
    let event = |tag: &&str| Event {
        id: Uuid::new_v4(),
        at: now(),
        action: Action::Push,
        target: Target { tag: Some((*tag).to_owned()), ..Target::default() },
        actor: "".into(),
        request: Arc::new(Request::default()),
        source: Arc::new(Source::default()),
    };
    let receiver = Receiver { name: receiver.to_owned(), ..Receiver::default() };
    let events: Vec<_> = tags.iter().map(event).collect();
    let mut tx = db.begin().await.unwrap();
    events::append(&mut tx, &[receiver], &events).await.unwrap();
    tx.commit().await.unwrap();
}

/// Delivers until the end of the test or of the handle.
async fn deliver(
    db: &Db,
    endpoints: Vec<Endpoint>,
    exclusive: bool,
) -> (Shutdown, watch::Sender<()>) {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let stop = Shutdown::new();
    let arrivals = watch::Sender::default();
    let app = App {
        db: db.clone(),
        clock: Clock::System,
        endpoints,
        exclusive,
        arrivals: arrivals.subscribe(),
    };
    start(app, &stop).await.unwrap();
    (stop, arrivals)
}

async fn end(stop: Shutdown) {
    stop.trigger();
    assert!(stop.drained(PATIENCE).await);
}

async fn is_empty(db: &Db, receiver: &str) -> bool {
    events::waits(db, receiver).await.unwrap() == 0
}

#[tokio::test]
async fn events_are_sent_in_order_and_again_until_they_are_taken() {
    each_engine(async |db| {
        let receiver = Listening::start(&[200, 500, 503, 404, 200]).await;
        note(&db, "r", &["a", "b", "c"]).await;
        let (stop, _arrivals) = deliver(&db, vec![receiver.endpoint("r")], true).await;
        let got = receiver.got(6).await;
        let expected = [("a", 200), ("b", 500), ("b", 503), ("b", 404), ("b", 200), ("c", 200)];
        assert_eq!(got, expected.map(|(tag, status)| (tag.to_owned(), status)));
        end(stop).await;
        assert!(is_empty(&db, "r").await);
        let request = receiver.got.lock().unwrap()[0].0.to_lowercase();
        assert!(request.starts_with("post /events http/1.1\r\n"), "{request}");
        for header in [
            "content-type: application/vnd.docker.distribution.events.v1+json\r\n",
            "authorization: bearer x\r\n",
        ] {
            assert!(request.contains(header), "{header:?} in {request}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_that_arrives_is_sent_at_once_and_what_was_not_taken_after_a_restart() {
    let (db, _folder) = sqlite().await;
    let away = Listening::start(&[]).await;
    let mut nowhere = away.endpoint("r");
    // A port that nobody listens at.
    nowhere.url = "http://127.0.0.1:1/".parse().unwrap();
    let (stop, arrivals) = deliver(&db, vec![nowhere], true).await;
    note(&db, "r", &["a"]).await;
    arrivals.send_replace(());
    tokio::time::sleep(Duration::from_millis(100)).await;
    end(stop).await;
    assert!(!is_empty(&db, "r").await);

    let (stop, arrivals) = deliver(&db, vec![away.endpoint("r")], true).await;
    assert_eq!(away.got(1).await, [("a".to_owned(), 200)]);
    note(&db, "r", &["b"]).await;
    arrivals.send_replace(());
    assert_eq!(away.got(2).await.last().unwrap().0, "b");
    end(stop).await;
    assert!(is_empty(&db, "r").await);
}

#[tokio::test]
async fn one_dead_endpoint_does_not_hold_up_another() {
    let (db, _folder) = sqlite().await;
    let receiver = Listening::start(&[]).await;
    let mut dead = receiver.endpoint("dead");
    dead.url = "http://127.0.0.1:1/".parse().unwrap();
    note(&db, "dead", &["a"]).await;
    note(&db, "r", &["a"]).await;
    let (stop, _arrivals) = deliver(&db, vec![dead, receiver.endpoint("r")], true).await;
    assert_eq!(receiver.got(1).await, [("a".to_owned(), 200)]);
    end(stop).await;
    assert!(is_empty(&db, "r").await && !is_empty(&db, "dead").await);
}

#[tokio::test]
async fn what_waits_for_an_endpoint_that_is_no_longer_named_is_given_up() {
    let (db, _folder) = sqlite().await;
    note(&db, "gone", &["a"]).await;
    let (stop, _arrivals) = deliver(&db, Vec::new(), true).await;
    end(stop).await;
    assert!(is_empty(&db, "gone").await);
}

#[tokio::test]
async fn of_two_processes_one_delivers_and_the_other_takes_over_when_it_ends() {
    let (db, _folder) = sqlite().await;
    let receiver = Listening::start(&[]).await;
    let (first, arrivals) = deliver(&db, vec![receiver.endpoint("r")], false).await;
    note(&db, "r", &["a"]).await;
    arrivals.send_replace(());
    receiver.got(1).await;
    let (second, others) = deliver(&db, vec![receiver.endpoint("r")], false).await;
    note(&db, "r", &["b", "c"]).await;
    others.send_replace(());
    arrivals.send_replace(());
    assert_eq!(receiver.got(3).await.len(), 3);
    end(first).await;
    note(&db, "r", &["d"]).await;
    others.send_replace(());
    let tags: Vec<_> = receiver.got(4).await.into_iter().map(|(tag, _)| tag).collect();
    assert_eq!(tags, ["a", "b", "c", "d"]);
    end(second).await;
}

//! Clients that push, delete and look while the collector runs without a pause: no promise is broken, no transaction
//! is a deadlock's victim, and in the end nothing is lost or left over.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use oci::Digest;

use super::collect;
use crate::blobs::{LEASE, find, mount, needs_promise, promise};
use crate::db::on;
use crate::testing::each_engine;
use crate::testing::images::{at, digest, image, permit, push, upload};
use crate::{Db, Error, Timestamp, artifacts, repositories};

const REPOSITORIES: [&str; 3] = ["library/a", "library/b", "other/c"];
const LAYERS: usize = 40;
const ROUNDS: usize = 40;

/// Time that passes with every look: a fortieth of a lease.
#[derive(Default)]
struct Ticks(AtomicI64);

impl Ticks {
    fn now(&self) -> Timestamp {
        let tick = self.0.fetch_add(1, Ordering::SeqCst);
        at(tick * i64::try_from(LEASE.as_secs()).unwrap() / 40)
    }
}

struct Client<'a> {
    db: &'a Db,
    ticks: &'a Ticks,
    /// Any number; it chooses what the client does.
    random: u64,
}

impl Client<'_> {
    fn pick(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn layer(&mut self) -> Vec<u8> {
        format!("layer {}", self.pick(LAYERS)).into_bytes()
    }

    /// What a client does before it pushes a manifest. Gives when the blob was last promised.
    async fn provide(&mut self, name: &str, content: &[u8]) -> Timestamp {
        let digest = Digest::of(content);
        if let Some(promised) = self.ask(name, &digest).await {
            return promised;
        }
        let now = self.ticks.now();
        if !self.mount(name, &digest, now).await {
            upload(self.db, name, content, now).await;
        }
        now
    }

    async fn ask(&self, name: &str, digest: &Digest) -> Option<Timestamp> {
        let now = self.ticks.now();
        let id = permit(self.db, name).await.repository()?;
        let blob = find(self.db, id, digest).await.unwrap()?;
        if !needs_promise(&blob, now) {
            return Some(blob.leased_at.unwrap_or(now));
        }
        let mut tx = self.db.begin().await.unwrap();
        let promised = promise(&mut tx, id, blob.id, now).await.unwrap();
        tx.commit().await.unwrap();
        promised.then_some(now)
    }

    async fn mount(&mut self, name: &str, digest: &Digest, now: Timestamp) -> bool {
        let source = REPOSITORIES[self.pick(REPOSITORIES.len())];
        let target = permit(self.db, name).await;
        let Some(from) = permit(self.db, source).await.repository() else { return false };
        let mut tx = self.db.begin().await.unwrap();
        let to = repositories::ensure(&mut tx, &target, now).await.unwrap();
        let mounted = mount(&mut tx, from, to, digest, now).await.unwrap().is_some();
        tx.commit().await.unwrap();
        mounted
    }

    async fn round(&mut self) {
        let name = REPOSITORIES[self.pick(REPOSITORIES.len())];
        let contents = [self.layer(), self.layer(), self.layer()];
        let mut oldest = None;
        for content in &contents {
            let promised = self.provide(name, content).await;
            oldest = Some(oldest.map_or(promised, |oldest: Timestamp| oldest.min(promised)));
        }
        let manifest = image(&contents[0], &[&contents[1], &contents[2]]);
        let now = self.ticks.now();
        match push(self.db, name, "latest", &manifest, now).await {
            Ok(_) => {}
            Err(Error::MissingContent { .. }) => {
                let age = self.ticks.now().since(oldest.unwrap());
                assert!(age >= LEASE, "a promise was broken after {age:?}");
            }
            Err(error) => panic!("{error:?}"),
        }
        if self.pick(2) == 0 {
            self.delete(name, &digest(&manifest)).await;
        }
    }

    async fn delete(&mut self, name: &str, digest: &Digest) {
        let permit = permit(self.db, name).await;
        let mut tx = self.db.begin().await.unwrap();
        match artifacts::delete(&mut tx, &permit, digest, self.ticks.now()).await {
            Ok(_) | Err(Error::NotFound(_)) => tx.commit().await.unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    on!(db.read(), |pool| sqlx::query_scalar(sql).fetch_one(pool).await.unwrap())
}

async fn check_rows(db: &Db) {
    const WRONG: [&str; 4] = [
        "SELECT COUNT(*) FROM repository_blobs rb WHERE leased_at IS NULL AND NOT EXISTS (\
            SELECT 1 FROM artifact_blobs ab \
            WHERE ab.blob_id = rb.blob_id AND ab.repository_id = rb.repository_id)",
        "SELECT COUNT(*) FROM repository_blobs rb WHERE leased_at IS NOT NULL AND EXISTS (\
            SELECT 1 FROM artifact_blobs ab \
            WHERE ab.blob_id = rb.blob_id AND ab.repository_id = rb.repository_id)",
        "SELECT COUNT(*) FROM artifact_blobs ab WHERE NOT EXISTS (SELECT 1 FROM repository_blobs rb \
            WHERE ab.blob_id = rb.blob_id AND ab.repository_id = rb.repository_id)",
        "SELECT COUNT(*) FROM condemned_objects c JOIN blobs b ON b.object_key = c.object_key",
    ];
    for sql in WRONG {
        assert_eq!(count(db, sql).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn the_collector_breaks_no_promise() {
    each_engine(async |db| {
        let ticks = Ticks::default();
        let clients_work = AtomicBool::new(true);
        for name in REPOSITORIES {
            permit(&db, name).await;
        }
        let client = async |seed| {
            let mut client = Client { db: &db, ticks: &ticks, random: seed };
            for _ in 0..ROUNDS {
                client.round().await;
            }
        };
        let clients = async {
            tokio::join!(
                Box::pin(client(1)),
                Box::pin(client(22)),
                Box::pin(client(333)),
                Box::pin(client(4_444))
            );
            clients_work.store(false, Ordering::SeqCst);
        };
        let collector = async {
            let mut blobs = 0;
            while clients_work.load(Ordering::SeqCst) {
                let now = ticks.now();
                blobs += collect(&db, now.minus(LEASE), true, now).await.blobs;
            }
            blobs
        };
        let ((), collected) = tokio::join!(clients, Box::pin(collector));
        assert!(collected > 0, "the collector had something to do");
        check_rows(&db).await;
        let end = ticks.now().plus(LEASE * 2);
        collect(&db, end, true, end).await;
        check_rows(&db).await;
        let left = "SELECT COUNT(*) FROM blobs b WHERE NOT EXISTS (\
            SELECT 1 FROM artifact_blobs ab WHERE ab.blob_id = b.id)";
        assert_eq!(count(&db, left).await, 0);
    })
    .await;
}

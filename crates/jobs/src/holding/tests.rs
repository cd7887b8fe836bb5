//! Work that takes longer than a hold lasts.

use domain::backup::{HELD, hold, is_held};
use domain::testing::{each_engine, now};

use super::*;

#[tokio::test]
async fn a_hold_lasts_as_long_as_the_work_it_is_for() {
    each_engine(async |db| {
        let clock = Clock::manual(now());
        let held = hold(&db, "a long backup", clock.now()).await.unwrap();
        let work = async {
            for _ in 0..3 {
                clock.advance(HELD * 2 / 3);
                let later = clock.now().plus(HELD * 2 / 3);
                while is_held(&db, later).await.unwrap().is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        let working = renewing(&db, &held, &clock, Duration::from_millis(5), work);
        tokio::time::timeout(Duration::from_secs(20), working).await.unwrap();
    })
    .await;
}

//! A question that ends by a panic is over.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use super::{Asked, Freshness};

#[tokio::test]
async fn a_question_that_panics_is_asked_anew_by_the_next_who_wants_to_know() {
    let asked = Asked::new(Duration::from_secs(60));
    let broken = asked.once("library/app v1".into(), |asking| {
        let ask = async move {
            let _asking = asking;
            panic!("as a defect would");
        };
        ask.boxed().shared()
    });
    AssertUnwindSafe(broken).catch_unwind().await.unwrap_err();
    let again = asked.once("library/app v1".into(), |asking| {
        let ask = async move {
            drop(asking);
            Ok(Freshness::Fresh)
        };
        ask.boxed().shared()
    });
    assert_eq!(again.await.unwrap(), Freshness::Fresh);
}

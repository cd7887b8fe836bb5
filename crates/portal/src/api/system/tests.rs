//! Several registries, some of them well.

use std::io::Error;

use super::*;

fn well() -> Probe {
    Probe::new("registry at one", || async { Ok::<(), Error>(()) })
}

fn ill(name: &'static str) -> Probe {
    Probe::new(name, || async { Err(Error::other("http://10.0.0.7 does not answer")) })
}

#[tokio::test]
async fn one_registry_that_is_well_is_enough_and_the_others_are_alarms() {
    let (outcome, alarms) = registries(&[ill("registry at two"), well()]).await;
    assert_eq!(outcome, Ok(()));
    let told: Vec<&str> = alarms.iter().map(|alarm| alarm.message.as_str()).collect();
    assert_eq!(told, ["the registry at two is not available"]);
    let (outcome, alarms) = registries(&[well(), well()]).await;
    assert_eq!((outcome, alarms.len()), (Ok(()), 0));
}

#[tokio::test]
async fn without_any_that_is_well_the_registry_is_not() {
    let (outcome, alarms) = registries(&[ill("registry at one"), ill("registry at two")]).await;
    assert_eq!(outcome, Err("the registry at one is not available".to_owned()));
    assert_eq!(alarms.len(), 0);
}

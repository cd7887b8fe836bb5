//! What a run that was cut off leaves, and what a tampered list cannot do.

use std::fs;

use crate::prepare::tests::fixture::{Fixture, HTTP};

#[test]
fn what_an_interrupted_run_has_left_is_cleared_away() {
    let fixture = Fixture::new(HTTP);
    fs::create_dir_all(fixture.path("config/.new/registry/config.yml/deeper")).unwrap();
    fixture.prepare();
    assert!(!fixture.path("config/.new").exists());
    assert!(fixture.path("config/registry/config.yml").is_file());
}

#[test]
fn the_list_of_rendered_files_removes_nothing_elsewhere() {
    let fixture = Fixture::new(HTTP);
    fixture.prepare();
    fs::write(fixture.path("precious"), "").unwrap();
    let absolute = fixture.path("precious");
    fixture.edit("config/.rendered", |text| {
        format!("{text}../precious\n{}\nregistry/gone\n", absolute.display())
    });
    fixture.prepare();
    assert!(fixture.path("precious").exists());
}

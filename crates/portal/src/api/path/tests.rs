//! Names and ids in paths, however clients spell them.

use actix_web::test::TestRequest;
use domain::ids::ProjectId;

use super::{Project, project, repository, segment};

#[test]
fn digits_are_an_id_unless_they_are_said_to_be_a_name() {
    assert_eq!(Project::parse("12", None), Project::Id(ProjectId(12)));
    assert_eq!(Project::parse("12", Some("false")), Project::Id(ProjectId(12)));
    assert_eq!(Project::parse("12", Some("true")), Project::Name("12".to_owned()));
    assert_eq!(Project::parse("library", None), Project::Name("library".to_owned()));
}

#[test]
fn both_spellings_of_the_segment_are_read() {
    for segment in ["project_name", "project_name_or_id"] {
        let request = TestRequest::default().param(segment, "library").to_http_request();
        assert_eq!(project(&request), Project::Name("library".to_owned()), "{segment}");
    }
}

#[test]
fn a_repository_is_escaped_once_or_twice() {
    for spelled in ["a/b", "a%2Fb", "a%252Fb"] {
        let request = TestRequest::default()
            .param("project_name", "library")
            .param("repository_name", spelled)
            .to_http_request();
        let name = repository(&request).within("library").unwrap();
        assert_eq!(name.as_str(), "library/a/b", "{spelled}");
    }
}

#[test]
fn a_digest_may_be_escaped() {
    let request = TestRequest::default().param("reference", "sha256%3Aab").to_http_request();
    assert_eq!(segment(&request, "reference"), "sha256:ab");
}

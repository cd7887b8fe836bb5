//! Pages and their neighbours, as Harbor's clients know them.

use crate::paging::{Invalid, Paging};

#[track_caller]
fn parses(query: &str, expected: Result<(u32, u32), Invalid>) {
    let expected = expected.map(|(page, page_size)| Paging { page, page_size });
    assert_eq!(Paging::parse(query), expected, "{query:?}");
}

#[test]
fn without_a_word_it_is_the_first_ten() {
    parses("", Ok((1, 10)));
    parses("q=name%3Dx", Ok((1, 10)));
}

#[test]
fn pages_count_from_one_and_hold_at_most_a_hundred() {
    parses("page=3&page_size=100", Ok((3, 100)));
    parses("page=0", Err(Invalid::Page));
    parses("page=-1", Err(Invalid::Page));
    parses("page=x", Err(Invalid::Page));
    parses("page_size=101", Err(Invalid::Size));
    parses("page_size=0", Err(Invalid::Size));
}

#[track_caller]
fn links(query: &str, total: i64, expected: Option<&str>) {
    let link = Paging::parse(query).unwrap().link("/api/v2.0/projects", query, total);
    assert_eq!(link.as_deref(), expected, "{query:?} of {total}");
}

#[test]
fn a_list_on_one_page_has_no_neighbours() {
    links("", 10, None);
    links("", 0, None);
}

#[test]
fn the_next_page_is_named() {
    links("", 11, Some("</api/v2.0/projects?page=2&page_size=10>; rel=\"next\""));
}

#[test]
fn the_previous_page_comes_first() {
    links(
        "page=2&page_size=5",
        11,
        Some(
            "</api/v2.0/projects?page=1&page_size=5>; rel=\"prev\" , \
             </api/v2.0/projects?page=3&page_size=5>; rel=\"next\"",
        ),
    );
}

#[test]
fn a_page_just_past_the_end_knows_the_way_back_one_far_past_does_not() {
    links("page=2", 10, Some("</api/v2.0/projects?page=1&page_size=10>; rel=\"prev\""));
    links("page=3", 10, None);
}

#[test]
fn the_rest_of_the_query_is_kept_unescaped_and_sorted() {
    links(
        "sort=-name&q=name%3D~al%20p",
        11,
        Some("</api/v2.0/projects?page=2&page_size=10&q=name=~al p&sort=-name>; rel=\"next\""),
    );
}

#[test]
fn a_query_cannot_break_out_of_the_header() {
    links(
        "q=a%0d%0aSet-Cookie:x%3E",
        11,
        Some("</api/v2.0/projects?page=2&page_size=10&q=a%0D%0ASet-Cookie:x%3E>; rel=\"next\""),
    );
}

//! Neighbours keep the filter and know where the list ends.

use super::{Pager, page, parameter};

#[test]
fn a_list_on_one_page_has_no_neighbours() {
    let pager = Pager::new("/users", "", page(""), 3, 3);
    assert_eq!((pager.first, pager.last, pager.previous, pager.next), (1, 3, None, None));
}

#[test]
fn neighbours_keep_the_filter() {
    let pager = Pager::new("/users", "q=a%26b&page=2", page("q=a%26b&page=2"), 20, 45);
    assert_eq!((pager.first, pager.last), (21, 40));
    assert_eq!(pager.previous.as_deref(), Some("/users?q=a%26b"));
    assert_eq!(pager.next.as_deref(), Some("/users?q=a%26b&page=3"));
}

#[test]
fn nonsense_asks_for_the_first_page() {
    for query in ["page=0", "page=-1", "page=x", "page=99999999999999"] {
        assert_eq!(page(query), 1, "{query}");
    }
}

#[test]
fn a_page_behind_the_end_leads_back_only() {
    let pager = Pager::new("/users", "page=9", page("page=9"), 0, 45);
    assert!(pager.previous.is_some() && pager.next.is_none());
}

#[test]
fn a_parameter_is_decoded() {
    assert_eq!(parameter("a=1&q=x%2Fy+z", "q").as_deref(), Some("x/y z"));
    assert_eq!(parameter("a=1", "q"), None);
}

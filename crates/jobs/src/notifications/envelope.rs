//! An event as distribution writes it: the same fields, left out where they are empty, one event in an envelope.

use domain::events::{Content, Event, Target};
use oci::Descriptor;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

pub(super) const MEDIA_TYPE: &str = "application/vnd.docker.distribution.events.v1+json";

#[derive(Serialize)]
struct Envelope<'a> {
    events: [EventView<'a>; 1],
}

#[derive(Serialize)]
struct EventView<'a> {
    id: String,
    timestamp: String,
    action: &'static str,
    target: TargetView<'a>,
    request: RequestView<'a>,
    actor: ActorView<'a>,
    source: SourceView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    /// The size once more, for readers from before it had that name.
    #[serde(skip_serializing_if = "is_zero")]
    length: u64,
    repository: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Descriptor>,
}

#[derive(Serialize)]
struct RequestView<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    addr: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    host: &'a str,
    method: &'a str,
    useragent: &'a str,
}

#[derive(Serialize)]
struct ActorView<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

#[derive(Serialize)]
struct SourceView<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    addr: &'a str,
    #[serde(rename = "instanceID")]
    instance: &'a str,
}

/// The body of a request.
pub(super) fn of(event: &Event) -> Vec<u8> {
    let envelope = Envelope { events: [EventView::of(event)] };
    let mut text = Vec::with_capacity(1024);
    let mut indented = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"   "));
    envelope.serialize(&mut indented).expect("texts and numbers are JSON");
    text
}

impl<'a> EventView<'a> {
    fn of(event: &'a Event) -> Self {
        let Event { request, source, .. } = event;
        Self {
            id: event.id.to_string(),
            timestamp: event.at.to_string(),
            action: event.action.as_str(),
            target: TargetView::of(&event.target),
            request: RequestView {
                id: &request.id,
                addr: &request.addr,
                host: &request.host,
                method: &request.method,
                useragent: &request.agent,
            },
            actor: ActorView { name: &event.actor },
            source: SourceView { addr: &source.addr, instance: &source.instance },
        }
    }
}

impl<'a> TargetView<'a> {
    fn of(target: &'a Target) -> Self {
        let Target { repository, tag, digest, content, from_repository } = target;
        let of = |read: fn(&Content) -> &str| content.as_ref().map(read);
        let size = content.as_ref().map_or(0, |content| content.size);
        let references = content
            .as_ref()
            .map_or_else(Vec::new, |content| content.references.iter().map(reference).collect());
        Self {
            media_type: of(|content| &content.media_type),
            size,
            digest: digest.as_deref(),
            length: size,
            repository,
            from_repository: from_repository.as_deref(),
            url: of(|content| &content.url),
            tag: tag.as_deref(),
            references,
        }
    }
}

/// Distribution's descriptors have no platform here, and no artifact type.
fn reference(descriptor: &Descriptor) -> Descriptor {
    Descriptor { platform: None, artifact_type: None, ..descriptor.clone() }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(size: &u64) -> bool {
    *size == 0
}

#[cfg(test)]
mod tests;

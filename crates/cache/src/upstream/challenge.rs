//! How the other registry wants to be convinced: the header `WWW-Authenticate`, RFC 9110 §11.6.1.

/// What its answer asks for; of several what it names first and is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
    /// Nothing that is understood here.
    Unknown,
}

impl Challenge {
    /// Of all headers of that name. The scope that they ask for is not taken: we want to pull, and nothing else.
    pub(crate) fn of<V: AsRef<[u8]>>(values: impl Iterator<Item = V>) -> Self {
        values
            .filter_map(|value| Self::parse(str::from_utf8(value.as_ref()).ok()?))
            .next()
            .unwrap_or(Self::Unknown)
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
        }
        realm.map(|realm| Self::Bearer { realm, service })
    }
}

/// `name="value", name=value`; a comma or a quote within quotes is no end.
fn parameters(text: &str) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let (value, behind) = match behind.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, behind) = behind.split_once(',').unwrap_or((behind, ""));
                (value.trim().to_owned(), behind)
            }
        };
        found.push((name, value));
        rest = behind;
    }
    found
}

/// Up to the quote that ends it, and what comes behind that.
fn unquoted(text: &str) -> (String, &str) {
    let (mut value, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => value.extend(letters.next()),
            letter => value.push(letter),
        }
    }
    (value, letters.as_str())
}

#[cfg(test)]
mod tests;

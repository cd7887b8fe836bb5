//! A file as a tree of directives, with what it includes already in place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lexer::{Lexer, Token, Word};
use super::place::{Invalid, Place};

/// Far above any configuration, and far below what could hurt.
const MAX_BYTES: u64 = 1024 * 1024;
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 256;

/// `name argument ...;` or `name argument ... { ... }`.
#[derive(Clone, Debug)]
pub(crate) struct Directive {
    pub(crate) name: Word,
    pub(crate) args: Vec<Word>,
    pub(crate) block: Option<Vec<Directive>>,
}

impl Directive {
    pub(crate) fn name(&self) -> &str {
        &self.name.text
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> Invalid {
        self.name.error(problem)
    }

    /// An argument that the table of directives promises.
    pub(crate) fn arg(&self, index: usize) -> Result<&Word, Invalid> {
        self.args.get(index).ok_or_else(|| {
            let name = self.name();
            self.error(format!("`{name}` lacks an argument"))
        })
    }

    pub(crate) fn text(&self, index: usize) -> Result<&str, Invalid> {
        self.arg(index).map(|word| word.text.as_str())
    }

    pub(crate) fn children(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// Reads `path` and what it includes; included names are relative to its folder.
pub(crate) fn read(path: &Path) -> Result<Vec<Directive>, Invalid> {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut reader = Reader { folder: Some(folder), bytes: 0, files: 0 };
    reader.file(path, 0)
}

/// A text that includes nothing: it has no folder.
pub(crate) fn parse(text: &str) -> Result<Vec<Directive>, Invalid> {
    let mut reader = Reader { folder: None, bytes: 0, files: 0 };
    reader.text(Path::new("nginx.conf"), text, 0)
}

struct Reader {
    folder: Option<PathBuf>,
    bytes: u64,
    files: usize,
}

impl Reader {
    fn file(&mut self, path: &Path, depth: usize) -> Result<Vec<Directive>, Invalid> {
        let unreadable = |source| Invalid::Unreadable { path: path.to_path_buf(), source };
        let size = fs::metadata(path).map_err(unreadable)?.len();
        self.bytes = self.bytes.saturating_add(size);
        self.files += 1;
        if self.bytes > MAX_BYTES || self.files > MAX_FILES {
            let source = std::io::Error::other(format!(
                "a configuration has at most {MAX_BYTES} bytes in {MAX_FILES} files"
            ));
            return Err(Invalid::Unreadable { path: path.to_path_buf(), source });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        self.text(path, &text, depth)
    }

    fn text(&mut self, path: &Path, text: &str, depth: usize) -> Result<Vec<Directive>, Invalid> {
        let file: Arc<Path> = Arc::from(path);
        self.block(&mut Lexer::new(&file, text), depth, None)
    }

    /// The directives up to the `}` that belongs to `opened`, or to the end of the file.
    fn block(
        &mut self,
        lexer: &mut Lexer<'_>,
        depth: usize,
        opened: Option<&Place>,
    ) -> Result<Vec<Directive>, Invalid> {
        let mut found = Vec::new();
        if depth > MAX_DEPTH {
            let problem = format!("blocks or includes are nested deeper than {MAX_DEPTH}");
            return Err(lexer.place().error(problem));
        }
        loop {
            let name = match (lexer.next()?, opened) {
                (Some(Token::Word(word)), _) => word,
                (Some(Token::End(place)), _) => {
                    return Err(place.error("unexpected \";\": a directive's name is missing"));
                }
                (Some(Token::Open(place)), _) => {
                    return Err(place.error("unexpected \"{\": a directive's name is missing"));
                }
                (Some(Token::Close(_)), Some(_)) | (None, None) => return Ok(found),
                (Some(Token::Close(place)), None) => {
                    return Err(place.error("unexpected \"}\": no block is open"));
                }
                (None, Some(opened)) => return Err(opened.error("this \"{\" is never closed")),
            };
            let directive = self.directive(lexer, name, depth)?;
            if directive.name() == "include" {
                found.extend(self.include(&directive, depth)?);
            } else {
                found.push(directive);
            }
        }
    }

    fn directive(
        &mut self,
        lexer: &mut Lexer<'_>,
        name: Word,
        depth: usize,
    ) -> Result<Directive, Invalid> {
        let mut args = Vec::new();
        loop {
            match lexer.next()? {
                Some(Token::Word(word)) => args.push(word),
                Some(Token::End(_)) => return Ok(Directive { name, args, block: None }),
                Some(Token::Open(place)) => {
                    let block = Some(self.block(lexer, depth + 1, Some(&place))?);
                    return Ok(Directive { name, args, block });
                }
                Some(Token::Close(_)) | None => {
                    let problem = format!("`{}` is not ended by \";\"", name.text);
                    return Err(name.error(problem));
                }
            }
        }
    }

    fn include(&mut self, directive: &Directive, depth: usize) -> Result<Vec<Directive>, Invalid> {
        if directive.args.len() != 1 || directive.block.is_some() {
            return Err(directive.error("`include` takes one file name or pattern"));
        }
        let named = directive.arg(0)?;
        let Some(folder) = &self.folder else {
            return Err(directive.error("`include` needs a file that it stands in"));
        };
        let path = folder.join(&named.text);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.contains(['*', '?']) {
            let cannot = |error: std::io::Error| {
                named.error(format!("cannot include {}: {error}", path.display()))
            };
            fs::metadata(&path).map_err(cannot)?;
            return self.file(&path, depth + 1);
        }
        let mut found = Vec::new();
        for path in matching(&path, name) {
            found.extend(self.file(&path, depth + 1)?);
        }
        Ok(found)
    }
}

/// The files beside `path` whose names match its last part, in order; none is no mistake, as in nginx.
fn matching(path: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern: Vec<char> = pattern.chars().collect();
    let folder = path.parent().unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
            // As a shell: a pattern does not find hidden files.
            name.first() != Some(&'.') && fits(&pattern, &name)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// `*` is any run, `?` any one character. Linear: only the last `*` is ever tried again.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || Some(wanted) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests;

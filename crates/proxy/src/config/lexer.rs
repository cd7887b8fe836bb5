//! nginx's lexical rules: words, quotes, escapes, comments, `;`, `{` and `}`.
//!
//! As in `ngx_conf_read_token`: a quote is one only at the start of a word, `#` likewise; `\"`, `\'`, `\\`, `\t`,
//! `\r`, `\n` are escapes and every other backslash stays, because regular expressions are full of them; `${`
//! does not open a block.

use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;
use std::sync::Arc;

use super::place::{Invalid, Place};

/// A name or an argument, without its quotes.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Word {
    pub(crate) fn error(&self, problem: impl Into<String>) -> Invalid {
        self.place.error(problem)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Token {
    Word(Word),
    /// `;`
    End(Place),
    /// `{`
    Open(Place),
    /// `}`
    Close(Place),
}

pub(crate) struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    at: Place,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(file: &Arc<Path>, text: &'a str) -> Self {
        let at = Place { file: Arc::clone(file), line: 1, column: 1 };
        Self { chars: text.chars().peekable(), at }
    }

    /// The place behind the last token: of the end of the file, at last.
    pub(crate) fn place(&self) -> Place {
        self.at.clone()
    }

    /// `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, Invalid> {
        self.skip_blank();
        let place = self.place();
        let Some(first) = self.chars.peek().copied() else { return Ok(None) };
        let token = match first {
            ';' => Token::End(place),
            '{' => Token::Open(place),
            '}' => Token::Close(place),
            '"' | '\'' => return self.quoted(first).map(Some),
            _ => return self.bare().map(Some),
        };
        self.advance();
        Ok(Some(token))
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        if next == '\n' {
            self.at.line = self.at.line.saturating_add(1);
            self.at.column = 1;
        } else {
            self.at.column = self.at.column.saturating_add(1);
        }
        Some(next)
    }

    fn skip_blank(&mut self) {
        while let Some(next) = self.chars.peek().copied() {
            if next == '#' {
                while self.chars.peek().is_some_and(|next| *next != '\n') {
                    self.advance();
                }
            } else if is_blank(next) {
                self.advance();
            } else {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Token, Invalid> {
        let place = self.place();
        self.advance();
        let mut text = String::new();
        loop {
            match self.advance() {
                Some('\\') => self.escape(&mut text),
                Some(next) if next == quote => break,
                Some(next) => text.push(next),
                None => return Err(place.error(format!("this {quote} is never closed"))),
            }
        }
        match self.chars.peek() {
            Some(next) if !is_blank(*next) && !matches!(next, ';' | '{' | ')') => {
                let problem = format!("a space or \";\" must follow the closing {quote}");
                Err(self.at.error(problem))
            }
            _ => Ok(Token::Word(Word { text, place })),
        }
    }

    fn bare(&mut self) -> Result<Token, Invalid> {
        let place = self.place();
        let mut text = String::new();
        let mut after_dollar = false;
        while let Some(next) = self.chars.peek().copied() {
            let ends = is_blank(next) || next == ';' || (next == '{' && !after_dollar);
            if ends {
                break;
            }
            self.advance();
            after_dollar = next == '$';
            match next {
                '\\' => self.escape(&mut text),
                '\0' => return Err(place.error("a zero byte; is this a text file?")),
                _ => text.push(next),
            }
        }
        Ok(Token::Word(Word { text, place }))
    }

    /// What follows a backslash.
    fn escape(&mut self, text: &mut String) {
        match self.advance() {
            Some(next @ ('"' | '\'' | '\\')) => text.push(next),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('n') => text.push('\n'),
            Some(next) => {
                text.push('\\');
                text.push(next);
            }
            None => text.push('\\'),
        }
    }
}

fn is_blank(next: char) -> bool {
    matches!(next, ' ' | '\t' | '\r' | '\n')
}

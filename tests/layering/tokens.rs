//! The tokens of a Rust file, without comments and literals.

/// One token: an identifier, `::`, or another character.
pub(crate) type Token = String;

/// Splits a source into tokens.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |n: usize| chars.get(n).copied().unwrap_or(' ');
    let (mut tokens, mut n) = (Vec::new(), 0);
    while n < chars.len() {
        let c = chars[n];
        if c == '/' && at(n + 1) == '/' {
            n = line_end(&chars, n);
        } else if c == '/' && at(n + 1) == '*' {
            n = block_comment_end(&chars, n);
        } else if is_raw_string(&chars, n) {
            n = raw_string_end(&chars, n);
        } else if c == '"' || (c == 'b' && at(n + 1) == '"') {
            n = quoted_end(&chars, n + usize::from(c == 'b'), '"');
        } else if c == '\'' {
            // A character, or a lifetime.
            let is_char = at(n + 1) == '\\' || at(n + 2) == '\'';
            n = if is_char { quoted_end(&chars, n, '\'') } else { n + 1 };
        } else if c.is_alphanumeric() || c == '_' {
            let len = chars[n..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
            tokens.push(chars[n..n + len].iter().collect());
            n += len;
        } else if c == ':' && at(n + 1) == ':' {
            tokens.push("::".to_owned());
            n += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            n += 1;
        }
    }
    tokens
}

fn line_end(chars: &[char], from: usize) -> usize {
    from + chars[from..].iter().take_while(|c| **c != '\n').count()
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let (mut n, mut depth) = (from + 2, 1);
    while n < chars.len() && depth > 0 {
        match (chars[n], chars.get(n + 1)) {
            ('/', Some('*')) => (n, depth) = (n + 1, depth + 1),
            ('*', Some('/')) => (n, depth) = (n + 1, depth - 1),
            _ => {}
        }
        n += 1;
    }
    n
}

/// The place behind a literal that begins with the quote at `from`.
fn quoted_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut n = from + 1;
    while n < chars.len() && chars[n] != quote {
        n += if chars[n] == '\\' { 2 } else { 1 };
    }
    n + 1
}

/// Whether `r"`, `r#"`, `br"` or the like begins here; not `r#name`.
fn is_raw_string(chars: &[char], from: usize) -> bool {
    let is_inside_a_word =
        from > 0 && (chars[from - 1].is_alphanumeric() || chars[from - 1] == '_');
    let rest: String = chars[from..].iter().take(16).collect();
    let rest = rest.strip_prefix('b').unwrap_or(&rest);
    let after = rest.strip_prefix('r').map(|rest| rest.trim_start_matches('#'));
    !is_inside_a_word && after.is_some_and(|rest| rest.starts_with('"'))
}

fn raw_string_end(chars: &[char], from: usize) -> usize {
    let mut n = from;
    let mut hashes = 0;
    while chars[n] != '"' {
        hashes += usize::from(chars[n] == '#');
        n += 1;
    }
    n += 1;
    while n < chars.len() {
        let closing = chars[n + 1..].iter().take(hashes).filter(|c| **c == '#').count();
        n += 1;
        if chars[n - 1] == '"' && closing == hashes {
            return n + hashes;
        }
    }
    n
}

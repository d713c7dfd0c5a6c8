//! The page, of which the parts between comments are made here.

use crate::Result;

/// The text of the page.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    /// The sections that have been written.
    put: Vec<String>,
}

const BEGIN: &str = "<!-- begin: ";
const END: &str = " -->";

impl Page {
    /// A page that has been read.
    pub(crate) fn new(text: String) -> Self {
        Self { text, put: Vec::new() }
    }

    /// Puts a text in the place of what is between the comments of this name.
    ///
    /// # Errors
    /// If the page has no such comments.
    pub(crate) fn put(&mut self, name: &str, text: &str) -> Result {
        let (begin, end) = (format!("{BEGIN}{name}{END}"), format!("<!-- end: {name}{END}"));
        let complaint = || format!("benchmarks.md has no `{begin}` with `{end}` after it");
        let from = self.text.find(&begin).ok_or_else(complaint)? + begin.len();
        let to = from + self.text[from..].find(&end).ok_or_else(complaint)?;
        let text = if text.is_empty() { "\n".to_owned() } else { format!("\n\n{text}\n\n") };
        self.text.replace_range(from..to, &text);
        self.put.push(name.to_owned());
        Ok(())
    }

    /// Sees to it that no section of the page is one that no record writes any more.
    ///
    /// # Errors
    /// The name of such a section.
    pub(crate) fn expect_no_others(&self) -> Result {
        for part in self.text.split(BEGIN).skip(1) {
            let name = part.split(END).next().unwrap_or_default();
            if !self.put.iter().any(|put| put == name) {
                return Err(format!("benchmarks.md has a section `{name}` that is unknown").into());
            }
        }
        Ok(())
    }

    /// The page as it is now.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

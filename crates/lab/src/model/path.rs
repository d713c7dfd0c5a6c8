//! Paths: wishes that become texts when their turn comes.

use std::fmt;

/// The names there are. The last takes two units of padding in an event, the others one.
pub const NAMES: [&str; 4] = ["a", "b", "c", "sixteen-bytes-ab"];

/// What a path is to lead to.
#[derive(Clone, PartialEq, Eq)]
pub enum Goal {
    /// One of the names there are that are not of directories.
    File(u8),
    /// One of the directories there are.
    Dir(u8),
    /// A name in one of the directories there are.
    In(u8, &'static str),
    /// These components, whatever they lead to.
    Literal(Vec<&'static str>),
}

/// A path: a wish first, and a text once it is settled what is there.
#[derive(Clone, PartialEq, Eq)]
pub enum Path {
    Wish { goal: Goal, relative: bool, slash: bool, dot: bool },
    Text(String),
}

/// What is there when the turn of an operation comes, as seen from one directory.
#[derive(Debug, Default)]
pub struct There {
    /// The ways to everything but directories.
    pub files: Vec<String>,
    /// The ways to directories, "" among them, that are not too deep to have something made in
    /// them.
    pub dirs: Vec<String>,
}

impl Path {
    /// The text, once it is known.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Wish { .. } => unreachable!("settled before its turn"),
        }
    }

    pub fn is_relative(&self) -> bool {
        matches!(self, Self::Wish { relative: true, .. })
    }

    /// The path that it is now.
    pub fn settle(&mut self, there: &There) {
        let nth = |all: &[String], nth: u8| match all.len() {
            0 => String::new(),
            len => all[usize::from(nth) % len].clone(),
        };
        let Self::Wish { goal, relative, slash, dot } = self else { return };
        let way = match goal {
            Goal::File(place) => nth(&there.files, *place),
            Goal::Dir(place) => nth(&there.dirs, *place),
            Goal::In(place, name) => match nth(&there.dirs, *place).as_str() {
                "" => (*name).to_owned(),
                dir => format!("{dir}/{name}"),
            },
            Goal::Literal(names) => names.join("/"),
        };
        let start = match (*relative, *dot || way.is_empty()) {
            (true, true) => "./",
            (true, false) => "",
            (false, true) => "/./",
            (false, false) => "/",
        };
        let mut text = format!("{start}{way}");
        if way.is_empty() && !*slash && text.len() > 1 {
            text.pop();
        }
        if *slash && !text.ends_with('/') {
            text.push('/');
        }
        // "/." only where a dot was asked for.
        *self = Self::Text(if text == "/." && !*dot { "/".to_owned() } else { text });
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (goal, relative) = match self {
            Self::Text(text) => return write!(f, "{text:?}"),
            Self::Wish { goal, relative, .. } => (goal, relative),
        };
        f.write_str(if *relative { "from here, " } else { "" })?;
        match goal {
            Goal::File(place) => write!(f, "file {place}"),
            Goal::Dir(place) => write!(f, "directory {place}"),
            Goal::In(place, name) => write!(f, "{name} in directory {place}"),
            Goal::Literal(names) => write!(f, "{}", names.join("/")),
        }
    }
}

//! [`Path`]: bytes, or a wish that becomes bytes when its turn comes.

use std::fmt;

/// The names there are. The last takes two units of padding in an event, the others one.
pub const NAMES: [&str; 4] = ["a", "b", "c", "sixteen-bytes-ab"];

/// The object that a wished path leads to.
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

/// The path of an operation.
#[derive(Clone, PartialEq, Eq)]
pub enum Path {
    /// These bytes.
    Bytes(Vec<u8>),
    /// No bytes: the object that the path starts from, which is the open file that the step names, or the current
    /// directory (`AT_EMPTY_PATH`, or a path through `/proc/self/fd`).
    Object,
    /// Something there is when the turn of the operation comes. The reference model says what there
    /// is, and [`Path::resolve`] makes bytes of it before any world sees the operation.
    Wish {
        /// The object that the path leads to.
        goal: Goal,
        /// Whether it starts from the current directory or an open one, not from the root.
        relative: bool,
        /// Whether it ends in a slash.
        slash: bool,
        /// Whether a `.` is put in.
        dot: bool,
    },
}

impl From<&str> for Path {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Path {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

impl From<Vec<u8>> for Path {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Path {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// The objects that there are when the turn of an operation comes, as seen from one directory.
#[derive(Debug, Default)]
pub struct There {
    /// The ways to everything but directories.
    pub files: Vec<String>,
    /// The ways to directories, "" among them, that are not too deep to have something made in
    /// them.
    pub dirs: Vec<String>,
}

impl Path {
    /// The bytes.
    ///
    /// # Panics
    /// If it is a wish still.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Object => b"",
            Self::Wish { .. } => unreachable!("resolved before its turn"),
        }
    }

    /// The bytes as text, as which the reference model takes them.
    ///
    /// # Panics
    /// If it is a wish still, or no text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).expect("the model has names that are text")
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object)
    }

    /// Whether it is a wish for a path that starts from a directory.
    pub fn is_relative(&self) -> bool {
        matches!(self, Self::Wish { relative: true, .. })
    }

    /// Makes bytes of a wish.
    pub fn resolve(&mut self, there: &There) {
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
        *self = Self::from(if text == "/." && !*dot { "/".to_owned() } else { text });
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (goal, relative) = match self {
            Self::Bytes(bytes) => return write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Object => return f.write_str("the object"),
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

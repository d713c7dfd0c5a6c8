//! Names by number.

use std::str::FromStr;

/// The pattern of all names: a run of `#` stands for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: Vec<u8>,
    /// Where the number begins, and how many digits it has.
    at: usize,
    digits: u32,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find('#').ok_or("it has no '#', which stands for a digit")?;
        let digits = text[at..].bytes().take_while(|byte| *byte == b'#').count();
        if text[at + digits..].contains('#') {
            return Err("it has more than one number".to_owned());
        }
        if text.len() > 255 || text.contains(['/', '\0']) {
            return Err("it makes no names of a file".to_owned());
        }
        let digits = u32::try_from(digits).map_err(|error| error.to_string())?;
        Ok(Self { text: text.into(), at, digits })
    }
}

impl Pattern {
    /// How many names there are.
    pub(crate) fn count(&self) -> usize {
        10_usize.checked_pow(self.digits).unwrap_or(usize::MAX)
    }

    /// Whether its names may begin with this.
    pub(crate) fn begins_with(&self, start: &str) -> bool {
        let digits = self.at..self.at + self.digits as usize;
        let may_be = |(at, byte): (usize, u8)| match self.text.get(at) {
            Some(_) if digits.contains(&at) => byte.is_ascii_digit(),
            found => found == Some(&byte),
        };
        start.bytes().enumerate().all(may_be)
    }

    /// The length of each name.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The generator of names one by one, without allocating.
    pub(crate) fn names(&self) -> Names {
        Names { text: self.text.clone(), at: self.at, digits: self.digits as usize }
    }

    /// One name.
    pub(crate) fn name(&self, number: usize) -> Vec<u8> {
        self.names().get(number).to_vec()
    }
}

/// Names of a [`Pattern`].
#[derive(Clone, Debug)]
pub(crate) struct Names {
    text: Vec<u8>,
    at: usize,
    digits: usize,
}

impl Names {
    /// The name of this number; the same as another's if it has too many digits.
    pub(crate) fn get(&mut self, number: usize) -> &[u8] {
        let mut rest = number;
        for digit in self.text[self.at..self.at + self.digits].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.text
    }
}

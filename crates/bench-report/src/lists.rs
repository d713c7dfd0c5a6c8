//! The lists of what the page shows, which are data.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::charts::Plot;
use crate::tables::Table;
use crate::target::Target;

/// All targets, tables and plots, in the order of the page.
#[derive(Debug)]
pub(crate) struct Lists {
    pub(crate) targets: Vec<Target>,
    pub(crate) tables: Vec<Table>,
    pub(crate) plots: Vec<Plot>,
}

/// A file of the lists: an array of tables named `target`, `table` or `plot`.
#[derive(Deserialize)]
struct File<T> {
    #[serde(alias = "target", alias = "table", alias = "plot")]
    entry: Vec<T>,
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<Vec<T>> {
    let file: File<T> = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
    Ok(file.entry)
}

impl Lists {
    /// Reads the lists that were compiled in.
    ///
    /// # Errors
    /// If one of them makes no sense, with the line.
    pub(crate) fn read() -> Result<Self> {
        Ok(Self {
            targets: read("targets.toml", include_str!("../data/targets.toml"))?,
            tables: read("tables.toml", include_str!("../data/tables.toml"))?,
            plots: read("plots.toml", include_str!("../data/plots.toml"))?,
        })
    }
}

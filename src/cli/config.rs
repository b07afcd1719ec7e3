//! `orderd config`: every setting as it counts now.

use crate::config::Settings;

use super::error::CommandError;
use super::output::{say, warn};

/// Wide enough for most; a longer value moves its source to the right.
const VALUE_WIDTH: usize = 36;

/// A table of name, value and source; what is odd goes to stderr.
pub fn print(settings: &Settings) -> Result<(), CommandError> {
    warn(&settings.warnings);
    let rows: Vec<_> = settings.rows().collect();
    let width = rows.iter().map(|(name, _, _)| name.len()).max().unwrap_or_default();
    let line = |name: &str, value: &str, source: &str| {
        let value = if value.is_empty() { "(none)" } else { value };
        say(&format!("{name:width$}  {value:VALUE_WIDTH$}  {source}"))
    };
    line("SETTING", "VALUE", "SOURCE")?;
    rows.iter().try_for_each(|(name, value, source)| line(name, value, source))
}

//! The rows of an export as CSV, checked as they come.

/// Counts the rows of orders that were there before the export; newer ones may come with it.
pub struct Rows {
    /// The highest id before the export.
    newest: u64,
    /// Rows of orders up to that id.
    pub counted: u64,
    last: u64,
    /// A line whose end has not come yet.
    rest: Vec<u8>,
    is_headed: bool,
}

const HEADING: &str = "id,user_id,success,created_at";

impl Rows {
    pub fn new(newest: u64) -> Rows {
        Rows { newest, counted: 0, last: 0, rest: Vec::new(), is_headed: false }
    }

    /// # Errors
    /// A line is no row, or its id does not rise.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(line);
            if line.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.rest).into_owned();
                self.rest.clear();
                self.row(line.trim_end())?;
            }
        }
        Ok(())
    }

    fn row(&mut self, line: &str) -> Result<(), String> {
        if !self.is_headed {
            self.is_headed = true;
            return if line == HEADING { Ok(()) } else { Err(format!("the heading is {line:?}")) };
        }
        let fields: Vec<&str> = line.split(',').collect();
        let id = fields.first().and_then(|id| id.parse::<u64>().ok());
        let Some(id) = id.filter(|_| fields.len() == HEADING.split(',').count()) else {
            return Err(format!("the export has a row {line:?}"));
        };
        if id <= self.last {
            return Err(format!("the export has order {id} after {}", self.last));
        }
        self.last = id;
        self.counted += u64::from(id <= self.newest);
        Ok(())
    }

    /// What is wrong at the end, where `stored` orders were there before.
    pub fn fault(&self, stored: u64) -> Option<String> {
        if !self.rest.is_empty() {
            return Some("the export ends amid a row".into());
        }
        let counted = self.counted;
        (counted != stored).then(|| format!("the export has {counted} of {stored} orders"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, size: usize) -> Result<Rows, String> {
        let mut rows = Rows::new(3);
        text.as_bytes().chunks(size).try_for_each(|piece| rows.take(piece))?;
        Ok(rows)
    }

    #[test]
    fn all_that_was_there_is_counted_however_it_comes() {
        let text = "id,user_id,success,created_at\r\n1,1,true,x\r\n3,1,false,x\r\n4,2,true,x\r\n";
        for size in [1, 7, 1000] {
            let rows = rows(text, size).unwrap();
            assert_eq!((rows.counted, rows.fault(2)), (2, None));
            assert!(rows.fault(3).is_some());
        }
        assert!(rows(text.trim_end(), 7).unwrap().fault(2).is_some());
    }

    #[test]
    fn a_row_that_comes_twice_or_is_none_is_wrong() {
        let heading = "id,user_id,success,created_at\r\n";
        for wrong in ["2,1,true,x\r\n2,1,true,x\r\n", "2,1,true,x\r\n1,1,true,x\r\n", "x,1\r\n"] {
            assert!(rows(&format!("{heading}{wrong}"), 5).is_err(), "{wrong}");
        }
        assert!(rows("1,1,true,x\r\n", 5).is_err());
    }
}

//! Name servers that do as they are told.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex};

use orderd::webhooks::resolver::Names;

/// A name server that says what it is told, in turns; the last goes on.
pub struct Told(Mutex<Vec<Vec<IpAddr>>>);

impl Told {
    pub fn of(answers: &[&[&str]]) -> Arc<Told> {
        let read = |answer: &&[&str]| answer.iter().map(|it| it.parse().unwrap()).collect();
        Arc::new(Told(Mutex::new(answers.iter().map(read).collect())))
    }
}

impl Names for Told {
    fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        match answers.len() {
            0 => Err(io::Error::other("no such name")),
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.remove(0)),
        }
    }
}

/// Fails with many words.
pub struct Wordy;

impl Names for Wordy {
    fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::Error::other("no ".repeat(500)))
    }
}

/// Answers once it is let go.
#[derive(Default)]
pub struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Names for Gate {
    fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let closed = |is_open: &mut bool| !*is_open;
        drop(self.changed.wait_while(self.is_open.lock().unwrap(), closed).unwrap());
        Ok(vec![[127, 0, 0, 1].into()])
    }
}

impl Gate {
    pub fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

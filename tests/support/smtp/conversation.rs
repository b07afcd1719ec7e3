//! One client's conversation with the server, line by line.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use super::wire::Wire;
use super::{DEADLINE, Fault, Received, Shared, Step, Tls};

pub struct Conversation {
    shared: Arc<Shared>,
    wire: Wire,
    unread: Vec<u8>,
    session: usize,
    is_logged_in: bool,
    from: Option<String>,
    to: Vec<String>,
}

/// What the conversation does after a line.
enum Then {
    GoOn,
    End,
}

impl Conversation {
    pub fn hold(shared: Arc<Shared>, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(DEADLINE))?;
        let wire = match shared.script.tls {
            Tls::Implicit => Wire::Plain(stream).secured(&shared.config),
            _ => Wire::Plain(stream),
        };
        let mut session = 0;
        shared.change(|state| {
            state.sessions += 1;
            session = state.sessions;
        });
        let mut held = Conversation {
            is_logged_in: shared.script.login.is_none(),
            shared,
            wire,
            unread: Vec::new(),
            session,
            from: None,
            to: Vec::new(),
        };
        let mut then = held.answer(&Step::Greeting, "220 test.local ready")?;
        while let Then::GoOn = then {
            let line = held.line()?;
            held.shared.change(|state| state.commands.push(line.clone()));
            then = held.obey(&line)?;
        }
        held.wire.close()
    }

    fn obey(&mut self, line: &str) -> io::Result<Then> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !self.shared.script.knows_ehlo => self.say("502 Unknown command"),
            "HELO" => self.say("250 test.local"),
            "EHLO" => {
                let announced = self.capabilities();
                self.answer(&Step::Ehlo, &announced)
            }
            "STARTTLS" => self.start_tls(),
            "AUTH" => self.authenticate(rest),
            "MAIL" if !self.is_logged_in => self.say("530 5.7.0 Authentication required"),
            "MAIL" if self.from.is_some() => self.say("503 5.5.1 Nested MAIL"),
            "MAIL" => {
                self.from = Some(address(rest));
                self.to.clear();
                self.answer(&Step::Mail, "250 2.1.0 Ok")
            }
            "RCPT" => self.recipient(&address(rest)),
            "DATA" if self.to.is_empty() => self.say("503 5.5.1 No recipient"),
            "DATA" => self.take_content(),
            "RSET" => {
                self.from = None;
                self.to.clear();
                self.answer(&Step::Rset, "250 2.0.0 Ok")
            }
            "QUIT" => {
                self.say("221 2.0.0 Bye")?;
                Ok(Then::End)
            }
            _ => self.say("502 5.5.2 Unknown command"),
        }
    }

    fn capabilities(&self) -> String {
        let mut lines = vec!["test.local".to_owned(), "PIPELINING".to_owned()];
        if self.shared.script.tls == Tls::Upgrade && !self.wire.is_encrypted() {
            lines.push("STARTTLS".to_owned());
        }
        if self.shared.script.login.is_some() {
            lines.push(format!("AUTH {}", self.shared.script.mechanisms));
        }
        for number in 0..self.shared.script.extensions {
            lines.push(format!("X-EXTENSION-{number:04} that means nothing to anybody"));
        }
        let last = lines.len() - 1;
        let line = |(at, text): (usize, &String)| {
            format!("250{}{text}", if at == last { ' ' } else { '-' })
        };
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    fn start_tls(&mut self) -> io::Result<Then> {
        if self.shared.script.tls != Tls::Upgrade {
            return self.say("502 5.5.1 STARTTLS not offered");
        }
        let faulty = self.fault(&Step::StartTls).is_some();
        let then = self.answer(&Step::StartTls, "220 2.0.0 Go ahead")?;
        if !faulty {
            self.wire.upgrade(&self.shared.config);
        }
        Ok(then)
    }

    fn authenticate(&mut self, rest: &str) -> io::Result<Then> {
        let given = match rest.split_once(' ') {
            Some(("PLAIN", response)) => {
                let parts = text(response);
                let mut parts = parts.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            None if rest == "LOGIN" => {
                let [name, password] = self.shared.script.prompts;
                self.say(name)?;
                let username = text(&self.line()?);
                self.say(password)?;
                (username, text(&self.line()?))
            }
            _ => return self.say("504 5.5.4 Unknown mechanism"),
        };
        let is_right =
            self.shared.script.login.is_some_and(|(u, p)| (u, p) == (&*given.0, &*given.1));
        if !is_right {
            return self.say("535 5.7.8 Authentication failed");
        }
        self.is_logged_in = self.fault(&Step::Auth).is_none();
        self.answer(&Step::Auth, "235 2.7.0 Ok")
    }

    fn recipient(&mut self, address: &str) -> io::Result<Then> {
        let of = Step::RcptOf(address.to_owned());
        let step = if self.fault(&of).is_some() { of } else { Step::Rcpt };
        if self.fault(&step).is_none() {
            self.to.push(address.to_owned());
        }
        self.answer(&step, "250 2.1.5 Ok")
    }

    fn take_content(&mut self) -> io::Result<Then> {
        match self.answer(&Step::Data, "354 End with a dot")? {
            Then::GoOn if self.fault(&Step::Data).is_none() => {}
            then => return Ok(then),
        }
        let mut data = Vec::new();
        loop {
            match self.line()?.as_str() {
                "." => break,
                line => {
                    data.extend_from_slice(line.strip_prefix('.').unwrap_or(line).as_bytes());
                    data.extend_from_slice(b"\r\n");
                }
            }
        }
        let received = Received {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            data,
            session: self.session,
            was_encrypted: self.wire.is_encrypted(),
        };
        if !matches!(self.fault(&Step::Content), Some(Fault::Reply(_) | Fault::Silence)) {
            self.shared.change(|state| state.received.push(received));
        }
        self.answer(&Step::Content, "250 2.0.0 Ok: queued")
    }

    fn fault(&self, step: &Step) -> Option<Fault> {
        self.shared.lock().faults.get(step).cloned()
    }

    /// Says yes, or does what the script has for this step.
    fn answer(&mut self, step: &Step, yes: &str) -> io::Result<Then> {
        match self.fault(step) {
            None => self.say(yes),
            Some(Fault::Reply(no)) => self.say(no),
            Some(Fault::HangUp) => Ok(Then::End),
            Some(Fault::HangUpAfter) => {
                self.say(yes)?;
                Ok(Then::End)
            }
            Some(Fault::Silence) => {
                self.shared.change(|state| state.is_silent = true);
                while self.wire.read(&mut [0; 512])? > 0 {}
                Ok(Then::End)
            }
        }
    }

    fn say(&mut self, line: &str) -> io::Result<Then> {
        let before = self.shared.script.before_replies;
        self.wire.write_all(format!("{before}{line}\r\n").as_bytes())?;
        self.wire.flush()?;
        Ok(Then::GoOn)
    }

    /// The next line without its end, which has to be CRLF.
    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(io::Error::other);
            }
            let mut some = [0; 4096];
            match self.wire.read(&mut some)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.unread.extend_from_slice(&some[..count]),
            }
        }
    }
}

/// `FROM:<ada@example.com> BODY=8BITMIME` → `ada@example.com`
fn address(rest: &str) -> String {
    let inner = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

/// Base64, as AUTH sends it.
fn text(encoded: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: &u8| DIGITS.iter().position(|it| it == byte);
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for value in encoded.as_bytes().iter().map_while(digit) {
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

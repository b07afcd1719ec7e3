//! The front door: what a client sends, whole and in pieces, read as the serving threads
//! read it. Cuts must not matter, nothing outgrows its bound, and whatever is let through
//! is framed the same by a second reader, and by the library behind the airlock.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use orderd::http::airlock::{Airlock, MAX_GROWTH_BYTES, write_canonical};
use orderd::http::protocol::framing::{self, BodyLength, Persistence, RequestFraming};
use orderd::http::protocol::head_scanner::HeadScanner;
use orderd::http::upload::Upload;
use orderd::http::{Field, Head, Rejection};
use orderd_fuzz::pieces::Delivery;
use orderd_fuzz::second::{self, Framing};

const MAX_HEAD_BYTES: usize = 1024;
const MAX_BODY_BYTES: usize = 512;
/// As the serving threads size the airlock.
const MAX_CANONICAL_BYTES: usize = MAX_HEAD_BYTES + MAX_GROWTH_BYTES + MAX_BODY_BYTES;

/// What came of the bytes, request by request.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Passed(Passed),
    Refused(Rejection),
    /// More bytes would be needed.
    Waiting,
}

#[derive(Debug, PartialEq, Eq)]
struct Passed {
    framing: RequestFraming,
    head: Head,
    canonical: Vec<u8>,
    body: Vec<u8>,
    /// Where it lies in what was sent.
    start: usize,
    end: usize,
}

enum Stage {
    Head(HeadScanner),
    Body(Upload),
    Closed,
}

/// A connection without its socket.
struct Reader {
    stage: Stage,
    input: Vec<u8>,
    received: usize,
    /// Where the present request began.
    start: usize,
    verdicts: Vec<Verdict>,
}

fn read<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> Vec<Verdict> {
    let mut reader = Reader {
        stage: Stage::Head(HeadScanner::default()),
        input: Vec::new(),
        received: 0,
        start: 0,
        verdicts: Vec::new(),
    };
    for piece in pieces {
        reader.input.extend_from_slice(piece);
        reader.received += piece.len();
        while reader.step() {}
    }
    if !matches!(reader.stage, Stage::Closed) {
        reader.verdicts.push(Verdict::Waiting);
    }
    reader.verdicts
}

impl Reader {
    /// Goes one step on; false when that needs more bytes, or nothing more is read.
    fn step(&mut self) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Head(scanner) => self.read_head(scanner),
            Stage::Body(upload) => self.read_body(upload),
            Stage::Closed => false,
        }
    }

    fn read_head(&mut self, mut scanner: HeadScanner) -> bool {
        if self.input.is_empty() {
            self.stage = Stage::Head(scanner);
            return false;
        }
        let mut head = Head::default();
        let checked = match scanner.advance(&self.input, MAX_HEAD_BYTES) {
            Ok(None) => {
                assert!(self.input.len() <= MAX_HEAD_BYTES);
                self.stage = Stage::Head(scanner);
                return false;
            }
            Ok(Some(length)) => {
                assert!(length <= MAX_HEAD_BYTES);
                let checked = framing::check(&self.input[..length], &mut head);
                self.input.drain(..length);
                checked
            }
            Err(rejection) => Err(rejection),
        };
        match checked {
            Err(rejection) => return self.refuse(rejection),
            Ok(RequestFraming { body: BodyLength::Exactly(length), .. })
                if length > MAX_BODY_BYTES as u64 =>
            {
                return self.refuse(Rejection::BodyTooLarge);
            }
            Ok(framing) => self.stage = Stage::Body(Upload::new(framing, head)),
        }
        true
    }

    fn read_body(&mut self, mut upload: Upload) -> bool {
        let taken = upload.take(&mut self.input, MAX_BODY_BYTES);
        assert!(upload.body.len() <= MAX_BODY_BYTES);
        match taken {
            Err(rejection) => self.refuse(rejection),
            Ok(false) => {
                assert!(self.input.is_empty(), "bytes of a body were left");
                self.stage = Stage::Body(upload);
                false
            }
            Ok(true) => {
                self.pass(upload);
                true
            }
        }
    }

    fn pass(&mut self, upload: Upload) {
        let Upload { framing, head, body, .. } = upload;
        let mut canonical = Vec::new();
        write_canonical(&head, framing.body, &body, &mut canonical);
        if framing.persistence != Persistence::Close {
            self.stage = Stage::Head(HeadScanner::default());
        }
        let (start, end) = (self.start, self.received - self.input.len());
        self.start = end;
        self.verdicts.push(Verdict::Passed(Passed { framing, head, canonical, body, start, end }));
    }

    fn refuse(&mut self, rejection: Rejection) -> bool {
        self.verdicts.push(Verdict::Refused(rejection));
        false
    }
}

/// The second reader finds the same request in the bytes as they came.
fn check_original(sent: &[u8], passed: &Passed) {
    let sent = &sent[passed.start..passed.end];
    let head = second::head(sent).expect("the second reader can't read the head");
    assert!(matches!(head.version, b"HTTP/1.0" | b"HTTP/1.1"));
    let rest = &sent[head.length..];
    match (passed.framing.body, head.framing().expect("the framing is in doubt")) {
        (BodyLength::None, Framing::None) => assert!(rest.is_empty() && passed.body.is_empty()),
        (BodyLength::Exactly(length), Framing::Length(other)) => {
            assert_eq!(u128::from(length), other);
            assert_eq!(rest, passed.body);
            assert_eq!(rest.len() as u64, length);
        }
        (BodyLength::Chunked, Framing::Chunked) => {
            let body = second::chunked(rest).expect("the second reader can't read the chunks");
            assert_eq!(body.bytes, passed.body);
            assert_eq!(body.length, rest.len());
        }
        (ours, other) => panic!("{ours:?} is {other:?} to the second reader"),
    }
    let target = passed.head.target();
    assert_eq!(passed.head.method().as_bytes(), head.method);
    assert!(head.target.ends_with(target.as_bytes()) || matches!(target, "/" | "*"));
    check_fields(&passed.head, &head);
}

/// The service sees every line of a field, in their order, in printable ASCII.
fn check_fields(ours: &Head, theirs: &second::Head<'_>) {
    for field in Field::ALL {
        let name = field.name();
        let lines = theirs.all(&name.to_ascii_lowercase());
        let expected = lines.join(b", ".as_slice());
        let expected = expected.iter().map(|byte| match byte {
            b'\t' => ' ',
            0x20..0x7f => char::from(*byte),
            _ => '?',
        });
        let expected = (!lines.is_empty()).then(|| expected.collect::<String>());
        assert_eq!(ours.field(field), expected.as_deref(), "{name}");
    }
}

/// The canonical copy is one request and nothing more: a first line, a length and a body.
fn check_canonical(passed: &Passed) {
    assert!(passed.canonical.len() <= MAX_CANONICAL_BYTES);
    let head = second::head(&passed.canonical).expect("the canonical head can't be read");
    assert_eq!(head.version, b"HTTP/1.1");
    assert!(head.fields.iter().all(|(name, _)| *name == b"content-length"));
    let body = &passed.canonical[head.length..];
    assert_eq!(body, passed.body);
    match head.framing() {
        Some(Framing::None) => assert!(body.is_empty()),
        Some(Framing::Length(length)) => assert_eq!(length, body.len() as u128),
        other => panic!("the canonical copy is framed as {other:?}"),
    }
}

thread_local! {
    static AIRLOCK: RefCell<Airlock> = RefCell::new(
        Airlock::open(&std::env::temp_dir(), MAX_CANONICAL_BYTES, 1).expect("no airlock").remove(0),
    );
}

/// The library takes the same request out of the airlock, and is ready for the next.
fn check_library(passed: &Passed) {
    AIRLOCK.with_borrow_mut(|airlock| {
        let Passed { head, framing, body, .. } = passed;
        let out = airlock.pass(head, framing.body, body).expect("the airlock broke");
        assert_eq!(&out, body);
    });
}

fuzz_target!(|data: &[u8]| {
    let delivery = Delivery::of(data);
    let verdicts = read(delivery.whole());
    assert_eq!(verdicts, read(delivery.cut()), "cuts change the verdict");
    for verdict in &verdicts {
        if let Verdict::Passed(passed) = verdict {
            check_original(delivery.bytes, passed);
            check_canonical(passed);
            check_library(passed);
        }
    }
});
